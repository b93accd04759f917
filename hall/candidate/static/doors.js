/* The pages before and after the paper: one click counts once, the start button opens on the server's time, a pause is waited for,
   and nothing remains in the browser when a candidate leaves. */
(function () {
  "use strict";

  const PAUSE_ASK_MS = 5000;

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (submit) => {
      if (form.dataset.gone) { submit.preventDefault(); return; }
      form.dataset.gone = "1";
      setTimeout(() => { delete form.dataset.gone; }, 5000);
    });
  }

  /* The end: nothing is kept, but what could not be sent stays until its file is made or the candidate leaves. */
  const done = document.querySelector("[data-place=done]");
  if (done) {
    const left = window.pufa.leftovers(done.dataset.attempt);
    if (left) {
      const box = document.getElementById("left");
      box.hidden = false;
      document.getElementById("left-count").textContent = new Set(left.changes.map((change) => change[0])).size;
      document.getElementById("left-save").addEventListener("click", () => window.pufa.downloadAnswers(left.facts, left.changes, Number(done.dataset.now)));
      document.querySelector("form[data-clear]").addEventListener("submit", () => window.pufa.forgetAll());
    } else {
      window.pufa.forgetAll();
    }
  }

  /* During a pause: ask whether it is over, then go where the candidate stands. */
  if (document.querySelector("[data-place=paused]")) {
    setInterval(async () => {
      try {
        const answer = await fetch("/api/pulse", { credentials: "same-origin", cache: "no-store" });
        const facts = await answer.json();
        if (!answer.ok || facts.paused === null) location.replace("/");
      } catch (error) { /* the network is gone: ask again */ }
    }, PAUSE_ASK_MS * (0.8 + Math.random() * 0.4));
  }

  const wait = document.getElementById("wait");
  if (wait && !wait.hidden) {
    const begun = performance.now();
    const due = Number(wait.dataset.opens) - Number(wait.dataset.now);
    const timer = setInterval(() => {
      const left = due - (performance.now() - begun);
      const seconds = Math.max(0, Math.ceil(left / 1000));
      if (seconds > 0) {
        wait.textContent = "距开考还有 " + (seconds >= 60 ? Math.floor(seconds / 60) + " 分 " : "") + (seconds % 60) + " 秒，到时按钮自动可用，请在座位上等候。";
        return;
      }
      clearInterval(timer);
      wait.hidden = true;
      document.getElementById("start").disabled = false;
    }, 500);
  }
})();
