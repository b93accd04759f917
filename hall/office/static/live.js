// Refreshes the officer's picture of the room every 5 seconds: counts, what waits, the page in view. Texts are set as text, never as HTML.
"use strict";
(function () {
  var counts = document.querySelector("[data-live]");
  if (!counts) { return; }
  var body = document.getElementById("live-lines");
  var stale = document.getElementById("live-stale");
  var work = document.getElementById("work");
  var workLines = document.getElementById("work-lines");
  var card = body.dataset.card;
  var address = counts.dataset.live + window.location.search;

  function element(name, text, kind) {
    var made = document.createElement(name);
    if (kind) { made.className = kind; }
    if (text) { made.textContent = text; }
    return made;
  }
  function link(text, address) {
    var made = element("a", text);
    made.href = address;
    return made;
  }
  function cell(row, kind, text, inner) {
    var made = element("td", inner ? "" : text, kind);
    if (inner) { made.appendChild(inner); }
    row.appendChild(made);
  }
  function line(one, questions) {
    var row = element("tr");
    var there = one.address + (card ? "#" + card : "");
    row.dataset.state = one.state;
    cell(row, "number", "", link(one.admission_no, there));
    cell(row, "strong nowrap", "", link(one.name, there));
    cell(row, "", one.unit_label);
    cell(row, "", "", element("span", one.title, "state " + one.state));
    cell(row, "number", one.remaining);
    cell(row, "number", one.last_save);
    cell(row, "unsaved", one.unsaved);
    cell(row, "number", one.answered + "/" + questions);
    cell(row, "", one.note);
    return row;
  }
  function hidden(name, value) {
    var made = element("input");
    made.type = "hidden";
    made.name = name;
    made.value = value;
    return made;
  }
  function waiting(one) {
    var item = element("li");
    item.dataset.incident = one.id;
    item.appendChild(element("span", one.at, "number"));
    item.appendChild(document.createTextNode(" "));
    item.appendChild(element("b", one.title));
    item.appendChild(document.createTextNode(" "));
    item.appendChild(one.address ? link(one.who, one.address) : document.createTextNode(one.who));
    item.appendChild(document.createTextNode(" "));
    item.appendChild(element("span", one.detail));
    item.appendChild(document.createTextNode(" "));
    item.appendChild(element("span", one.advice, "hint"));
    if (workLines.dataset.may) {
      var form = element("form");
      form.method = "post";
      form.action = workLines.dataset.post.replace(/0$/, String(one.id));
      form.appendChild(hidden("csrf", workLines.dataset.csrf));
      form.appendChild(element("button", "已处理", "quiet small"));
      item.appendChild(form);
    }
    return item;
  }
  function replace(place, children) {
    var made = document.createDocumentFragment();
    children.forEach(function (child) { made.appendChild(child); });
    place.textContent = "";
    place.appendChild(made);
  }
  // what came up since the page was opened: a service in trouble, a colleague who waits for a second person
  function news(picture) {
    var bar = document.getElementById("alarms");
    if (bar) {
      var told = picture.alarms.map(function (one) { return one.title + one.advice; }).join("");
      if (bar.textContent.replace(/\s/g, "") !== told.replace(/\s/g, "")) {
        replace(bar, picture.alarms.map(function (one) {
          var line = element("p");
          line.appendChild(element("b", one.title));
          line.appendChild(document.createTextNode(one.advice));
          return line;
        }));
      }
      bar.hidden = picture.alarms.length === 0;
    }
    var asked = document.getElementById("live-approvals");
    if (asked) {
      if (asked.querySelector("b").textContent !== String(picture.approvals)) { asked.querySelector("b").textContent = picture.approvals; }
      asked.hidden = picture.approvals === 0;
    }
  }
  function ids(list) { return list.map(String).join(" "); }
  function show(picture) {
    news(picture);
    counts.querySelectorAll("[data-count]").forEach(function (place) {
      var name = place.dataset.count;
      var n = name === "due" ? picture.due : picture.counts[name];
      place.textContent = n;
      place.parentNode.classList.toggle("some", n > 0);
    });
    document.getElementById("live-at").textContent = picture.at;
    document.getElementById("live-saves").textContent = picture.saves;
    document.getElementById("live-head").textContent = picture.head || "—";
    document.getElementById("live-paused").hidden = !picture.paused;
    var shown = Array.prototype.map.call(workLines.children, function (item) { return item.dataset.incident; });
    if (ids(shown) !== ids(picture.work.map(function (one) { return one.id; }))) {
      replace(workLines, picture.work.map(waiting));
      document.getElementById("work-count").textContent = picture.waiting;
      work.hidden = picture.waiting === 0;
    }
    var at = body.contains(document.activeElement) ? document.activeElement.textContent : "";
    replace(body, picture.lines.map(function (one) { return line(one, picture.questions); }));
    if (at) {
      Array.prototype.forEach.call(body.querySelectorAll("a"), function (found) { if (found.textContent === at) { found.focus(); } });
    }
  }
  function look() {
    fetch(address, { credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { window.location.reload(); throw new Error("logged out"); }
      if (!answer.ok) { throw new Error("no answer"); }
      return answer.json();
    }).then(function (picture) {
      stale.hidden = true;
      if (picture.open) { show(picture); }
    }).catch(function () { stale.hidden = false; }).then(function () { window.setTimeout(look, 5000); });
  }
  window.setTimeout(look, 5000);
}());
