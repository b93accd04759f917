/* Larger type and high contrast, as the candidate wants them: kept in this tab until he leaves, told to nobody. It is read before the
   page is drawn, so that nothing flashes. */
(function () {
  "use strict";

  const KEY = "pufa:display";
  const SIZES = ["标准", "大", "特大"];
  const root = document.documentElement;
  const more = window.matchMedia && window.matchMedia("(prefers-contrast: more)").matches;

  function read() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY)) || {};
    } catch (error) {
      return {};
    }
  }

  function keep(wanted) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(wanted));
    } catch (error) { /* the browser keeps nothing: it holds for this page */ }
  }

  const wanted = Object.assign({ size: 0, high: more }, read());

  function apply() {
    root.dataset.size = String(wanted.size);
    root.dataset.contrast = wanted.high ? "high" : "";
    const size = document.getElementById("type-size");
    if (!size) return;
    size.textContent = "字号：" + SIZES[wanted.size];
    document.getElementById("high-contrast").setAttribute("aria-pressed", String(Boolean(wanted.high)));
  }

  function change(how) {
    how();
    keep(wanted);
    apply();
  }

  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const group = document.getElementById("display");
    if (!group) return;
    group.hidden = false;
    apply();
    document.getElementById("type-size").addEventListener("click", () => change(() => { wanted.size = (wanted.size + 1) % SIZES.length; }));
    document.getElementById("high-contrast").addEventListener("click", () => change(() => { wanted.high = !wanted.high; }));
    for (const form of document.querySelectorAll("form[action='/logout']")) {
      form.addEventListener("submit", () => { try { sessionStorage.removeItem(KEY); } catch (error) { /* nothing was kept */ } });
    }
  });
})();
