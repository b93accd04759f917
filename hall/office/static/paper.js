// Answer sheets: one letter fills a single-choice field and goes on; Enter goes on too, and sends nothing by accident.
"use strict";
(function () {
  var sheet = document.querySelector("form.sheet");
  if (!sheet) { return; }
  var cells = Array.prototype.slice.call(sheet.querySelectorAll(".cells input"));
  function go(from, by) {
    var next = cells[cells.indexOf(from) + by];
    if (next) { next.focus(); next.select(); } else if (by > 0) { sheet.querySelector("button.big").focus(); }
  }
  sheet.addEventListener("input", function (event) {
    var at = event.target;
    if (at.dataset.single !== undefined && !event.isComposing && at.value.length === 1) { go(at, 1); }
  });
  sheet.addEventListener("keydown", function (event) {
    if (cells.indexOf(event.target) < 0 || event.isComposing) { return; }
    if (event.key === "Enter") { event.preventDefault(); go(event.target, 1); }
    if (event.key === "Backspace" && event.target.value === "") { event.preventDefault(); go(event.target, -1); }
  });
  if (cells.length && !document.querySelector(".notice.bad")) { cells[0].focus(); } // a refusal is read first
}());
