/* The answers that the server does not hold yet. Each change has a number; a number that was ever sent keeps its answer until
   the server acknowledges it. The queue is mirrored in localStorage, so that a crash of the browser loses nothing. */
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

  class Queue {
    constructor(attempt, writer, now) {
      this.now = now;
      this.scope = PREFIX + attempt + ":";
      this.key = this.scope + "w" + writer;
      this.items = [];
      this.last = 0;
    }

    /* Unsent changes of earlier pages of this attempt, oldest first, unless the server holds a newer answer (typed: question ->
       when); whatever belongs to another attempt is deleted. */
    adopt(typed) {
      const pages = [];
      for (const key of keys()) {
        const writer = key.startsWith(this.scope + "w") ? Number(key.slice(this.scope.length + 1)) : 0;
        if (writer) pages.push([writer, key]);
        else if (!key.startsWith(this.scope)) remove(key);
      }
      pages.sort((a, b) => a[0] - b[0]);
      const found = [];
      for (const page of pages) {
        const items = read(page[1]);
        if (Array.isArray(items)) found.push(...items);
      }
      for (const item of found) {
        const whole = item && typeof item.question === "string" && typeof item.answer === "string";
        if (whole && !(item.at <= typed[item.question])) this.put(item.question, item.answer);
      }
      for (const page of pages) if (page[1] !== this.key) remove(page[1]);
      return this.questions();
    }

    put(question, answer) {
      this.items = this.items.filter((item) => item.sent || item.question !== question);
      this.last += 1;
      this.items.push({ seq: this.last, question: question, answer: answer, at: Math.round(this.now()), sent: false });
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
      for (const item of again) this.put(item.question, item.answer);
      write(this.key, this.items);
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

  window.pufa = { Queue: Queue, forgetAll: () => keys().forEach(remove) };
})();
