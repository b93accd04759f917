/* The dialogs of the paper: the review before hand-in, logging in again in place, drafts found, and the notice that ends a page. */
(function () {
  "use strict";

  const element = window.pufa.element;
  const by = (id) => document.getElementById(id);

  function jumps(box, title, questions, close) {
    box.replaceChildren();
    if (!questions.length) return;
    const list = element("div", { class: "cells" });
    for (const question of questions) {
      list.append(element("button", { type: "button", class: "cell", "aria-label": "到第 " + question.number + " 题", onclick: () => { close(); question.go(); } }, question.number));
    }
    box.append(element("h3", {}, title), list);
  }

  class Review {
    /* unsaved(): how many questions are not saved; handIn(unanswered): a promise of "" or of what went wrong. */
    constructor(sheet, unsaved, handIn) {
      this.dialog = by("review");
      this.sheet = sheet;
      this.unsaved = unsaved;
      this.busy = false;
      this.fault = "";
      by("review-back").addEventListener("click", () => this.dialog.close());
      by("review-sure").addEventListener("change", () => this.refresh());
      by("review-go").addEventListener("click", async () => {
        this.busy = true;
        this.refresh();
        this.fault = await handIn(this.sheet.open().length);
        this.busy = false;
        this.refresh();
      });
    }

    open() {
      const open = this.sheet.open();
      const flagged = this.sheet.marked();
      const close = () => this.dialog.close();
      by("review-sum").textContent = open.length
        ? "共 " + this.sheet.questions.length + " 题，还有 " + open.length + " 题没有作答。"
        : "共 " + this.sheet.questions.length + " 题，全部已作答。";
      jumps(by("review-open"), "未答的题（点题号回到该题）", open, close);
      jumps(by("review-flags"), "有标记的题", flagged, close);
      by("review-sure").checked = false;
      this.fault = "";
      this.refresh();
      this.dialog.showModal();
      by("review-back").focus();
    }

    refresh() {
      if (!this.dialog.open && !this.busy && !by("review-sum").textContent) return;
      const unsaved = this.unsaved();
      const note = by("review-save");
      note.textContent = this.busy ? "正在交卷…" : this.fault || (unsaved ? "有 " + unsaved + " 题尚未保存，保存后才能交卷。" : "答案已全部保存，可以交卷。");
      note.classList.toggle("bad", Boolean(this.fault || unsaved));
      by("review-go").disabled = this.busy || unsaved > 0 || !by("review-sure").checked;
    }
  }

  class LoginAgain {
    /* number: admission number; again(csrf, attempt): called after a log-in. */
    constructor(number, again) {
      this.dialog = by("again");
      this.dialog.addEventListener("cancel", (key) => key.preventDefault());
      by("again-form").addEventListener("submit", async (submit) => {
        submit.preventDefault();
        const fault = by("again-fault");
        fault.hidden = true;
        try {
          const token = (await (await fetch("/api/form", { credentials: "same-origin" })).json()).token;
          const body = JSON.stringify({ number: number, code: by("again-code").value, token: token, seb: window.pufa.sebKey() });
          const answer = await fetch("/api/login", { method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" }, body: body });
          const facts = await answer.json();
          if (!answer.ok) throw new Error(facts.text + "（编号 " + facts.code + "）");
          by("again-code").value = "";
          this.dialog.close();
          again(facts.csrf, facts.attempt);
        } catch (error) {
          fault.textContent = error instanceof TypeError ? "连不上服务器。请稍候再试，答案都在本机。" : error.message;
          fault.hidden = false;
        }
      });
    }

    open() {
      if (this.dialog.open) return;
      if (by("review").open) by("review").close();
      this.dialog.showModal();
      by("again-code").focus();
    }
  }

  /* What the browser kept when it died; done(taken) is called with the candidate's word. Closed by a pause it is opened again. */
  class Drafts {
    constructor(sheet, drafts, done) {
      this.dialog = by("drafts");
      this.open_ = drafts.length > 0;
      this.dialog.addEventListener("cancel", (key) => key.preventDefault());
      const list = by("drafts-list");
      for (const draft of drafts) {
        const question = sheet.byId.get(draft.question);
        const text = draft.answer.length > 60 ? draft.answer.slice(0, 60) + "…" : draft.answer || "（清空）";
        if (question) list.append(element("li", {}, element("strong", {}, "第 " + question.number + " 题"), "　" + (question.text ? text : question.shown(draft.answer))));
      }
      for (const [id, taken] of [["drafts-take", true], ["drafts-leave", false]]) {
        by(id).addEventListener("click", () => {
          this.open_ = false;
          this.dialog.close();
          done(taken);
        });
      }
    }

    show() {
      if (this.open_ && !this.dialog.open) this.dialog.showModal();
    }

    hide() {
      if (this.dialog.open) this.dialog.close();
    }
  }

  /* An end that cannot be dismissed; actions: a list of [text, function], the first one the way out. */
  function stop(title, text, code, actions) {
    const dialog = by("stop");
    by("stop-title").textContent = title;
    by("stop-text").textContent = text;
    by("stop-code").textContent = code ? "编号 " + code + "（找监考人员时请告诉这个编号）" : "";
    by("stop-actions").replaceChildren(...(actions || []).map((action, n) =>
      element("button", { type: "button", class: n ? "" : "primary", onclick: action[1] }, action[0])));
    if (dialog.open) return;
    for (const id of ["review", "again", "drafts"]) if (by(id).open) by(id).close();
    dialog.showModal();
  }

  /* The end was not the end: more time was given. */
  function goOn() {
    if (by("stop").open) by("stop").close();
  }

  by("stop").addEventListener("cancel", (key) => key.preventDefault());

  Object.assign(window.pufa, { Review: Review, LoginAgain: LoginAgain, Drafts: Drafts, stop: stop, goOn: goOn });
})();
