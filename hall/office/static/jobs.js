// Watches the jobs on this page; when one has changed its state, the page is loaded anew.
"use strict";
(function () {
  function live() {
    return Array.prototype.filter.call(document.querySelectorAll("[data-job]"), function (line) {
      return line.dataset.state === "waiting" || line.dataset.state === "running";
    });
  }
  function typing() {
    var at = document.activeElement;
    return at && (at.tagName === "INPUT" || at.tagName === "SELECT" || at.tagName === "TEXTAREA");
  }
  function look() {
    if (!live().length) { return; }
    fetch("/jobs.json", { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { window.location.reload(); return null; }
      return answer.ok ? answer.json() : null;
    }).then(function (states) {
      if (states) {
        var changed = false;
        live().forEach(function (line) {
          var now = states[line.dataset.job];
          if (!now) { return; }
          if (now[0] !== line.dataset.state) { changed = true; return; }
          var bar = line.querySelector("progress");
          if (bar) { bar.value = now[1]; }
          var stuck = line.querySelector(".job-stuck");
          if (stuck) { stuck.hidden = !now[2]; }
        });
        if (changed && !typing()) { window.location.reload(); return; }
      }
      window.setTimeout(look, 1500);
    }).catch(function () { window.setTimeout(look, 5000); });
  }
  window.setTimeout(look, 1000);
}());
