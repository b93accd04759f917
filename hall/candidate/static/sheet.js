/* The questions on the page and the answer card beside them. */
(function () {
  "use strict";

  function element(tag, facts, ...children) {
    const made = document.createElement(tag);
    for (const name of Object.keys(facts || {})) {
      if (name === "class") made.className = facts[name];
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), facts[name]);
      else made.setAttribute(name, facts[name]);
    }
    made.append(...children);
    return made;
  }

  class Question {
    constructor(section) {
      this.section = section;
      this.id = section.id;
      this.number = section.dataset.number;
      this.inputs = Array.from(section.querySelectorAll("input"));
      this.text = section.querySelector("textarea");
      this.flag = section.querySelector(".flag");
      this.clear = section.querySelector(".clear");
      this.flagged = false;
    }

    /* Canonical letters in ascending order, or the text as typed; "" is unanswered. */
    value() {
      if (this.text) {
        const typed = this.text.value.replace(/\u0000/g, "");
        return typed.trim() ? typed : "";
      }
      return this.inputs.filter((input) => input.checked).map((input) => input.value).sort().join("");
    }

    show(answer) {
      if (this.text) this.text.value = answer;
      for (const input of this.inputs) input.checked = answer.includes(input.value);
    }

    /* An answer's canonical letters as this candidate sees them. */
    shown(answer) {
      const letters = this.inputs.filter((input) => answer.includes(input.value)).map((input) => input.closest(".option").querySelector(".letter").textContent);
      return letters.length ? letters.join("") : "（清空）";
    }

    mark(flagged) {
      this.flagged = flagged;
      this.flag.setAttribute("aria-pressed", String(flagged));
      this.flag.querySelector(".flag-text").textContent = flagged ? "取消标记" : "标记";
    }

    go() {
      this.section.scrollIntoView({ block: "start" });
      this.section.focus({ preventScroll: true });
    }
  }

  class Sheet {
    /* changed(question, answer, isText); flagged(list of ids) */
    constructor(root, card, changed, flagged) {
      this.questions = Array.from(root.querySelectorAll(".question"), (section) => new Question(section));
      this.byId = new Map(this.questions.map((question) => [question.id, question]));
      this.cells = new Map();
      this.changed = changed;
      this.flagged = flagged;
      this.build(root, card);
      for (const question of this.questions) this.listen(question);
    }

    build(root, card) {
      let group = null;
      for (const part of root.querySelectorAll(".part, .question")) {
        if (part.classList.contains("part")) {
          group = element("div", { class: "cells" });
          card.append(element("h3", {}, part.querySelector("h2").textContent), group);
          continue;
        }
        const question = this.byId.get(part.id);
        const cell = element("button", { type: "button", class: "cell", onclick: () => question.go() }, question.number);
        this.cells.set(question.id, cell);
        (group || card).append(cell);
      }
    }

    listen(question) {
      const note = (isText) => {
        this.refresh(question);
        this.changed(question.id, question.value(), isText);
      };
      for (const input of question.inputs) input.addEventListener("change", () => note(false));
      if (question.text) question.text.addEventListener("input", () => note(true));
      question.flag.addEventListener("click", () => {
        question.mark(!question.flagged);
        this.refresh(question);
        this.flagged(this.questions.filter((one) => one.flagged).map((one) => one.id));
      });
      if (question.clear) {
        question.clear.addEventListener("click", () => {
          if (!question.value()) return;
          question.show("");
          note(false);
        });
      }
    }

    load(answers, flags) {
      for (const question of this.questions) {
        question.show(answers[question.id] || "");
        question.mark(flags.includes(question.id));
        this.refresh(question);
      }
    }

    /* An answer that was found again. */
    take(id, answer) {
      const question = this.byId.get(id);
      if (!question) return;
      question.show(answer);
      this.refresh(question);
    }

    refresh(question) {
      const open = this.open().length;
      const answered = question.value() !== "";
      const cell = this.cells.get(question.id);
      cell.dataset.state = answered ? "answered" : "open";
      cell.toggleAttribute("data-flagged", question.flagged);
      cell.setAttribute("aria-label", "第 " + question.number + " 题，" + (answered ? "已答" : "未答") + (question.flagged ? "，有标记" : ""));
      if (question.text) question.section.querySelector(".written span").textContent = question.text.value.length;
      for (const input of question.inputs) input.closest(".option").toggleAttribute("data-chosen", input.checked);
      if (question.clear) question.clear.hidden = !answered;
      document.getElementById("tally").textContent = "已答 " + (this.questions.length - open) + " 题，未答 " + open + " 题";
    }

    open() {
      return this.questions.filter((question) => question.value() === "");
    }

    marked() {
      return this.questions.filter((question) => question.flagged);
    }

    /* No answer can be given, or again: at the end, and when time is given after it. */
    freeze(frozen) {
      for (const question of this.questions) {
        for (const input of question.inputs) input.disabled = frozen;
        if (question.text) question.text.readOnly = frozen;
        if (question.clear) question.clear.disabled = frozen;
      }
    }
  }

  window.pufa.Sheet = Sheet;
  window.pufa.element = element;
})();
