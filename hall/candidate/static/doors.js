/* The pages before and after the paper: one click counts once, the start button opens on the server's time, and nothing
   remains in the browser when a candidate leaves. */
(function () {
  "use strict";

  const PREFIX = "pufa:";

  function forget() {
    try {
      const found = [];
      for (let n = 0; n < localStorage.length; n += 1) if (localStorage.key(n).startsWith(PREFIX)) found.push(localStorage.key(n));
      found.forEach((key) => localStorage.removeItem(key));
    } catch (error) { /* storage is switched off */ }
  }

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (submit) => {
      if (form.dataset.gone) { submit.preventDefault(); return; }
      form.dataset.gone = "1";
      setTimeout(() => { delete form.dataset.gone; }, 5000);
    });
  }
  if (document.querySelector("[data-place=done]")) forget();

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
