// Refreshes the officer's picture of the room every 5 seconds. Texts are set as text, never as HTML.
"use strict";
(function () {
  var counts = document.querySelector("[data-live]");
  if (!counts) { return; }
  var body = document.getElementById("live-lines");
  var stale = document.getElementById("live-stale");
  var wanted = "";

  function cell(row, text, kind) {
    var made = document.createElement("td");
    if (kind) { made.className = kind; }
    made.textContent = text;
    row.appendChild(made);
    return made;
  }
  function line(one, questions) {
    var row = document.createElement("tr");
    row.dataset.state = one[4];
    var link = document.createElement("a");
    link.href = one[11];
    link.textContent = one[0];
    cell(row, "", "number").appendChild(link);
    cell(row, one[1], "strong nowrap");
    cell(row, one[2]);
    cell(row, one[3]);
    var state = document.createElement("span");
    state.className = "state " + one[4];
    state.textContent = one[5];
    cell(row, "").appendChild(state);
    cell(row, one[6], "number");
    cell(row, one[7], "number");
    cell(row, one[8], "number");
    cell(row, one[9] + "/" + questions, "number");
    cell(row, one[10]);
    return row;
  }
  function filter() {
    Array.prototype.forEach.call(body.rows, function (row) { row.hidden = wanted !== "" && row.dataset.state !== wanted; });
    counts.querySelectorAll("[data-filter]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === wanted));
    });
  }
  function show(picture) {
    counts.querySelectorAll("[data-count]").forEach(function (place) {
      var name = place.dataset.count;
      place.textContent = name === "due" ? picture.due : picture.counts[name];
      place.parentNode.classList.toggle("some", picture.counts[name] > 0);
    });
    document.getElementById("live-at").textContent = picture.at;
    var focused = body.contains(document.activeElement) ? document.activeElement.textContent : "";
    var rows = document.createDocumentFragment();
    picture.lines.forEach(function (one) { rows.appendChild(line(one, picture.questions)); });
    body.textContent = "";
    body.appendChild(rows);
    filter();
    if (focused) {
      Array.prototype.forEach.call(body.querySelectorAll("a"), function (link) { if (link.textContent === focused) { link.focus(); } });
    }
  }
  function look() {
    fetch(counts.dataset.live, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { window.location.reload(); throw new Error("logged out"); }
      if (!answer.ok) { throw new Error("no answer"); }
      return answer.json();
    }).then(function (picture) {
      stale.hidden = true;
      if (picture.open) { show(picture); }
    }).catch(function () { stale.hidden = false; }).then(function () { window.setTimeout(look, 5000); });
  }
  counts.addEventListener("click", function (event) {
    var button = event.target.closest("[data-filter]");
    if (!button) { return; }
    wanted = wanted === button.dataset.filter ? "" : button.dataset.filter;
    filter();
  });
  window.setTimeout(look, 5000);
}());
