// On every page: a form is sent once; the print button prints; a notice is read out.
"use strict";
document.addEventListener("submit", function (event) {
  var form = event.target;
  if (form.method !== "post") { return; }
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  // a page that comes back from the history (or a download) must be usable again
  window.setTimeout(function () { delete form.dataset.sent; }, 4000);
});
window.addEventListener("pageshow", function () {
  document.querySelectorAll("form").forEach(function (form) { delete form.dataset.sent; });
});
document.querySelectorAll("[data-print]").forEach(function (button) {
  button.addEventListener("click", function () { window.print(); });
});
