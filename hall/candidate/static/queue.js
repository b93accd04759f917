/* The answers that the server does not hold yet. Each change has a number; a number that was ever sent keeps its answer until
   the server acknowledges it. The queue is mirrored in localStorage, so that a crash of the browser loses nothing.

   What an earlier page had sent, or was left with by a reload, is sent again by itself: it was meant. What was only typed when
   the browser died is a draft: it is offered, and counts only if the candidate says so. */
(function () {
  "use strict";

  const PREFIX = "pufa:";
  const MAX_ITEMS = 40;
  const MAX_CHARS = 60000;

  function keys() {
    const found = [];
    try {
      for (let n = 0; n < localStorage.length; n += 1) {
        const key = localStorage.key(n);
        if (key.startsWith(PREFIX)) found.push(key);
      }
    } catch (error) { /* storage is switched off: the queue lives in memory only */ }
    return found;
  }

  function read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch (error) {
      return null;
    }
  }

  function write(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch (error) { /* full or switched off */ }
  }

  function remove(key) {
    try {
      localStorage.removeItem(key);
    } catch (error) { /* as above */ }
  }

  /* Changes that earlier pages of one attempt kept, oldest page first; a draft that was offered before comes first. */
  function leftIn(scope) {
    const pages = [];
    for (const key of keys()) {
      const writer = key === scope + "draft" ? 0 : key.startsWith(scope + "w") ? Number(key.slice(scope.length + 1)) : NaN;
      if (writer >= 0) pages.push([writer, read(key)]);
    }
    pages.sort((a, b) => a[0] - b[0]);
    const whole = (item) => item && typeof item.question === "string" && typeof item.answer === "string" && typeof item.at === "number";
    return pages.map((page) => page[1]).filter(Array.isArray).flat().filter(whole);
  }

  class Queue {
    constructor(attempt, writer, now) {
      this.now = now;
      this.scope = PREFIX + attempt + ":";
      this.key = this.scope + "w" + writer;
      this.items = [];
      this.drafts = [];
      this.last = 0;
    }

    /* Takes up what earlier pages of this attempt left, unless the server holds a newer answer (typed: question -> when); whatever
       belongs to another attempt is deleted. */
    adopt(typed) {
      const found = [];
      for (const key of keys()) if (!key.startsWith(this.scope)) remove(key);
      for (const item of leftIn(this.scope)) if (!(item.at <= typed[item.question])) found.push(item);
      const drafts = new Map();
      for (const item of found) {
        if (item.sent) { drafts.delete(item.question); this.put(item.question, item.answer, item.at); }
        else drafts.set(item.question, item);
      }
      this.drafts = Array.from(drafts.values());
      write(this.scope + "draft", found.filter((item) => !item.sent));
      for (const key of keys()) if (key.startsWith(this.scope + "w") && key !== this.key) remove(key);
      return this.questions();
    }

    /* The drafts are taken or not; either way they are settled. */
    settleDrafts(taken) {
      if (taken) for (const draft of this.drafts) this.put(draft.question, draft.answer, draft.at);
      this.drafts = [];
      remove(this.scope + "draft");
    }

    /* at: when it was typed, if not just now. */
    put(question, answer, at) {
      this.items = this.items.filter((item) => item.sent || item.question !== question);
      this.last += 1;
      this.items.push({ seq: this.last, question: question, answer: answer, at: at || Math.round(this.now()), sent: false });
      write(this.key, this.items);
    }

    /* The next changes to send, oldest first, and up to which number everything is acknowledged. */
    batch() {
      const out = [];
      let chars = 0;
      for (const item of this.items) {
        if (out.length && (out.length >= MAX_ITEMS || chars + item.answer.length > MAX_CHARS)) break;
        item.sent = true;
        chars += item.answer.length;
        out.push([item.seq, item.question, item.answer, item.at]);
      }
      write(this.key, this.items);
      return out;
    }

    acked() {
      return this.items.length ? this.items[0].seq - 1 : this.last;
    }

    /* Takes off what the server holds; a number with another answer there gets a new number. */
    settle(acks) {
      const again = [];
      for (const ack of acks) {
        const place = this.items.findIndex((item) => item.seq === ack[0]);
        if (place < 0) continue;
        const item = this.items.splice(place, 1)[0];
        if (ack[1] === "conflict" && !this.items.some((other) => other.question === item.question)) again.push(item);
      }
      for (const item of again) this.put(item.question, item.answer, item.at);
      write(this.key, this.items);
    }

    /* The page is being left on purpose: what waits was meant. */
    leave() {
      for (const item of this.items) item.sent = true;
      if (this.items.length) write(this.key, this.items);
    }

    /* How many questions wait besides the first `sent` changes, and for how long (ms) the oldest. */
    rest(sent) {
      const waiting = this.items.slice(sent);
      const count = new Set(waiting.map((item) => item.question)).size;
      return { unsaved: count, age: count ? Math.max(0, Math.round(this.now() - waiting[0].at)) : 0 };
    }

    changes() {
      return this.items.map((item) => [item.question, item.answer, item.at]);
    }

    questions() {
      return Array.from(new Set(this.items.map((item) => item.question)));
    }

    get(question) {
      for (let n = this.items.length - 1; n >= 0; n -= 1) {
        if (this.items[n].question === question) return this.items[n].answer;
      }
      return null;
    }

    flags(value) {
      if (value) write(this.scope + "flags", value);
      return read(this.scope + "flags") || [];
    }

    /* What an answer file needs, should the browser be started again after the network has gone for good. */
    seal(facts) {
      write(this.scope + "seal", facts);
    }

    /* What only this page holds: a stale page must not hand its changes to the newer one. */
    forgetPage() {
      this.items = [];
      remove(this.key);
    }

    forget() {
      this.items = [];
      for (const key of keys()) if (key.startsWith(this.scope)) remove(key);
    }

    /* Other tabs of the same attempt learn at once that this page is the newer one. */
    announce(writer, older) {
      const key = this.scope + "newest";
      write(key, writer);
      window.addEventListener("storage", (change) => {
        if (change.key === key && Number(change.newValue) > writer) older();
      });
    }
  }

  /* For the page after the end: what could not be sent of an attempt, with what its answer file needs; null if nothing is left. */
  function leftovers(attempt) {
    const scope = PREFIX + attempt + ":";
    const changes = leftIn(scope).map((item) => [item.question, item.answer, item.at]);
    const facts = read(scope + "seal");
    return changes.length && facts ? { facts: facts, changes: changes } : null;
  }

  window.pufa = Object.assign(window.pufa || {}, { Queue: Queue, leftovers: leftovers, forgetAll: () => keys().forEach(remove) });
})();
