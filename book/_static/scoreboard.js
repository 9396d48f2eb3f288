/* The scoreboard's filters and orders. Without this script every claim is shown, a section a notebook, and opens all the same. */
document.addEventListener("DOMContentLoaded", function () {
  "use strict";
  var tables = Array.from(document.querySelectorAll("table.twm-scoreboard"));
  if (!tables.length) return;
  var VERDICTS = ["reproduced", "reduced", "partly", "differs", "not run"], KINDS = ["exact", "trained"];
  var PAPERS = [
    ["twm", "main paper"], ["emt", "episodic-memory paper"], ["mem", "flip-flop paper"], ["wrnn", "wave-RNN paper"], ["ours", "this book"]
  ];

  function element(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function read(row, kind) {
    var found = Array.from(row.classList).find(function (name) { return name.indexOf("twm-" + kind + "-") === 0; });
    return found ? found.slice(kind.length + 5) : "";
  }

  /* A row with its place in the book's own order, and what the filters ask for. */
  var claims = [];
  tables.forEach(function (table) {
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      claims.push({
        row: row, home: row.parentNode, section: table.closest("section"), id: row.querySelector("code").textContent, place: claims.length,
        source: read(row, "source"), notebook: read(row, "home"), verdict: read(row, "verdict").replace("-", " "), kind: read(row, "kind"),
        words: row.textContent.toLowerCase()
      });
    });
  });
  var first = claims[0].section, form = document.createElement("form"), choices = {}, said;
  form.className = "twm-filters";
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Claims");
  first.parentNode.insertBefore(form, first);

  function choice(name, words, options) {
    var field = element("div", "", form);
    element("label", "", field, words).htmlFor = "twm-filter-" + name;
    choices[name] = element("select", "", field);
    choices[name].id = "twm-filter-" + name;
    options.forEach(function (option) { element("option", "", choices[name], option[1]).value = option[0]; });
    choices[name].addEventListener("change", update);
  }

  function named(values) { return values.map(function (value) { return [value, value]; }); }

  function present(pairs, kind) {
    return [["", "all"]].concat(pairs.filter(function (pair) { return claims.some(function (claim) { return claim[kind] === pair[0]; }); }));
  }

  var notebooks = tables.map(function (table) {
    var title = table.closest("section").querySelector("h2").cloneNode(true), mark = title.querySelector(".headerlink");
    if (mark) mark.remove();
    return [read(table.tBodies[0].rows[0], "home"), title.textContent.trim()];
  });
  choice("source", "Paper", present(PAPERS, "source"));
  choice("verdict", "Verdict", present(named(VERDICTS), "verdict"));
  choice("kind", "Kind", present(named(KINDS), "kind"));
  choice("notebook", "Notebook", present(notebooks, "notebook"));
  choice("order", "Order", [["book", "book order"], ["id", "by id"], ["verdict", "by verdict"], ["source", "by paper"]]);
  var field = element("div", "", form);
  element("label", "", field, "Words").htmlFor = "twm-filter-words";
  choices.words = element("input", "", field);
  choices.words.id = "twm-filter-words";
  choices.words.type = "search";
  choices.words.addEventListener("input", update);
  field = element("div", "twm-filters-open", form);
  var open = element("button", "", field, "Open all");
  open.type = "button";
  said = element("p", "twm-filters-count", form);
  said.setAttribute("role", "status");
  form.addEventListener("submit", function (event) { event.preventDefault(); });

  /* Another order than the book's mixes the notebooks, so that it gets a table of its own. */
  var mixed = element("div", "twm-mixed"), table = tables[0].cloneNode(false), body = element("tbody", "", null);
  mixed.hidden = true;
  mixed.className = "twm-mixed pst-scrollable-table-container";
  table.removeAttribute("id");
  Array.from(tables[0].children).forEach(function (part) { if (part.tagName !== "TBODY") table.appendChild(part.cloneNode(true)); });
  table.appendChild(body);
  mixed.appendChild(table);
  first.parentNode.insertBefore(mixed, first);

  var ORDERS = {
    book: function (a, b) { return a.place - b.place; },
    id: function (a, b) { return a.id < b.id ? -1 : 1; },
    verdict: function (a, b) { return VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) || a.place - b.place; },
    source: function (a, b) {
      function rank(claim) { return PAPERS.findIndex(function (paper) { return paper[0] === claim.source; }); }
      return rank(a) - rank(b) || a.place - b.place;
    }
  };

  function update() {
    var order = choices.order.value, words = choices.words.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    claims.forEach(function (claim) {
      var keep = ["source", "verdict", "kind", "notebook"].every(function (kind) { return !choices[kind].value || choices[kind].value === claim[kind]; });
      keep = keep && words.every(function (word) { return claim.words.indexOf(word) >= 0; });
      claim.row.hidden = !keep;
      shown += keep ? 1 : 0;
    });
    claims.slice().sort(ORDERS[order]).forEach(function (claim) { (order === "book" ? claim.home : body).appendChild(claim.row); });
    mixed.hidden = order === "book";
    tables.forEach(function (one) {
      var some = Array.from(one.tBodies[0].rows).some(function (row) { return !row.hidden; });
      one.closest("section").hidden = order !== "book" || !some;
    });
    said.textContent = shown === claims.length ? "All " + shown + " claims." : shown + " of " + claims.length + " claims.";
  }

  open.addEventListener("click", function () {
    var opening = open.textContent === "Open all";
    claims.forEach(function (claim) { var more = claim.row.querySelector("details"); if (more) more.open = opening; });
    open.textContent = opening ? "Close all" : "Open all";
  });

  /* Whoever follows a link to a claim wants to see it. */
  function openTarget() {
    var row = window.location.hash && document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    var claim = row && claims.find(function (one) { return one.row === row; });
    if (!claim) return;
    if (row.hidden) {
      ["source", "verdict", "kind", "notebook", "words"].forEach(function (name) { choices[name].value = ""; });
      update();
    }
    row.querySelector("details").open = true;
    row.scrollIntoView();
  }

  window.addEventListener("hashchange", openTarget);
  update();
  openTarget();
});
