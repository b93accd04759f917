/* Safe Exam Browser without headers (WKWebView): what it tells the page of its configuration goes along with the log-in.
   Source: safeexambrowser.org, developer documentation, "Config Key": older versions fill it in after updateKeys(), newer ones at once. */
(function () {
  "use strict";

  window.pufa = window.pufa || {};
  const api = window.SafeExamBrowser && window.SafeExamBrowser.security;
  const field = document.getElementById("seb");

  function told() {
    return api && typeof api.configKey === "string" ? api.configKey.slice(0, 64) : "";
  }

  function fill() {
    if (field) field.value = told();
  }

  window.pufa.sebKey = told;
  if (!api) return;
  fill();
  if (typeof api.updateKeys === "function") {
    try { api.updateKeys(fill); } catch (error) { /* a version that fills it in by itself */ }
  }
  if (field) field.form.addEventListener("submit", fill);
})();
