/* A small lattice to step by hand: cells as buttons, the wave operator beside it, the entries in use lit. */
(function () {
  "use strict";
  var INK = "#222222", LOW = "#2166ac", HIGH = "#b2182b", REST = "#d5d9de", SVG = "http://www.w3.org/2000/svg";
  var CSS =
    ".twm-lattice{background:#fff;color:#222;color-scheme:light;border:1px solid #c4c4c4;border-radius:8px;padding:.75rem;" +
    "margin:1rem 0;max-width:100%;box-sizing:border-box;overflow:hidden;position:relative;text-align:left}" +
    ".twm-lattice *{box-sizing:border-box}.twm-lattice.is-live>.twm-lattice-still{display:none}" +
    ".twm-lattice p{margin:0;color:#222}" +
    ".twm-lattice-row{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin:0 0 .6rem}" +
    ".twm-lattice-row label{font-size:.9rem;font-weight:600;color:#222;display:inline-flex;gap:.4rem;align-items:center}" +
    ".twm-lattice select,.twm-lattice input,.twm-lattice button{min-height:40px;border:1px solid #767676;border-radius:6px;" +
    "background:#f4f4f4;color:#222;font:inherit;font-size:.95rem;padding:.1rem .6rem}" +
    ".twm-lattice button:hover{background:#e4e4e4}.twm-lattice input{width:9.5rem}" +
    ".twm-lattice button:focus-visible,.twm-lattice select:focus-visible,.twm-lattice input:focus-visible{outline:3px solid #0057b8;outline-offset:2px}" +
    ".twm-lattice .twm-lattice-problem{color:#a01b14;font-weight:600;font-size:.85rem;flex-basis:100%;min-height:1.3em}" +
    ".twm-lattice-panels{display:grid;gap:.75rem 1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));align-items:start}" +
    ".twm-lattice .twm-lattice-title{font-weight:600;font-size:.9rem;margin:0 0 .3rem}" +
    ".twm-lattice-grid{display:grid;gap:2px}" +
    ".twm-lattice .twm-lattice-grid button{min-width:0;min-height:0;width:100%;height:44px;padding:0;border-radius:3px;font-size:.9rem;font-weight:600;" +
    "font-variant-numeric:tabular-nums;overflow:hidden}" +
    ".twm-lattice-ends{display:flex;justify-content:space-between;font-size:.8rem;margin:.2rem 0 0}" +
    ".twm-lattice-operator{display:block;width:100%;max-width:330px;height:auto;background:#fff}" +
    ".twm-lattice .twm-lattice-caption{margin:.6rem 0 0;min-height:2.7em;line-height:1.4;font-size:.95rem}" +
    ".twm-lattice .twm-lattice-written{font-size:.9rem;line-height:1.4;overflow-wrap:anywhere;margin-top:.4rem}" +
    "@media print{.twm-lattice.is-live>.twm-lattice-still{display:block;max-width:100%}.twm-lattice>.twm-lattice-body{display:none}}";
  var BOUNDARIES = [
    ["copy", "copy the oldest"], ["fibonacci", "Fibonacci: add all"], ["code", "a task code"], ["attention", "attention"]
  ];

  function element(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function write(value) {
    if (Math.abs(value) >= 1000) return value.toExponential(0).replace("e+", "e").replace("-", "\u2212");
    return String(Number(value.toPrecision(Math.abs(value) >= 1 ? 3 : 2))).replace("-", "\u2212");
  }

  /* The positions and signs of a task code (a, b, c), or a line that says what is wrong with it. */
  function readCode(text, history, dim) {
    var size = history * dim, parts = text.split(",").map(function (part) { return part.trim(); });
    if (parts.length !== 3 || !parts.every(function (part) { return /^\d{1,15}$/.test(part); })) return "Three whole numbers, with commas between them.";
    var a = Number(parts[0]), b = Number(parts[1]), c = Number(parts[2]), positions = [], k, place, digit, kept;
    for (k = 0; k < size; k += 1) if (Math.floor(a / Math.pow(2, k)) % 2 === 1) positions.push(k);
    if (a >= Math.pow(2, size) || positions.length !== dim) {
      return "The first number must have " + dim + (dim === 1 ? " bit" : " bits") + " set below bit " + size + ": one for each dimension.";
    }
    if (dim === 1 && b > 0) return "A single dimension cannot be permuted: the second number must be 0.";
    for (place = 0; b > 0; place += 1, b = Math.floor(b / dim)) {
      digit = b % dim;
      if (digit === 0) continue;
      if (place + digit >= dim) return "The second number swaps entry " + (place + 1) + " with entry " + (place + digit + 1) + ", and there are only " + dim + ".";
      kept = positions[place];
      positions[place] = positions[place + digit];
      positions[place + digit] = kept;
    }
    if (c >= Math.pow(2, dim)) return "The third number must be below " + Math.pow(2, dim) + ".";
    return { positions: positions, signs: positions.map(function (_, i) { return Math.floor(c / Math.pow(2, i)) % 2 ? -1 : 1; }) };
  }

  /* A code for these sizes: every dimension from another column, in turned order, the first with its sign changed. */
  function exampleCode(history, dim) {
    var a = 0, b = 0;
    for (var j = 0; j < dim; j += 1) a += Math.pow(2, Math.min(j, history - 1) * dim + j);
    if (dim > 1) b = dim - 1;
    return a + ", " + b + ", 1";
  }

  /* The weights of the columns: softmax of 2 h_i . h_s, that is keys and query are the columns, scaled by two. */
  function weigh(state, history, dim) {
    var scores = [], newest = (history - 1) * dim, total = 0;
    for (var i = 0; i < history; i += 1) {
      var score = 0;
      for (var j = 0; j < dim; j += 1) score += 2 * state[i * dim + j] * state[newest + j];
      scores.push(score);
    }
    var most = Math.max.apply(null, scores);
    scores = scores.map(function (score) { return Math.exp(score - most); });
    scores.forEach(function (score) { total += score; });
    return scores.map(function (score) { return score / total; });
  }

  /* The rows of F, [position, factor] each, at a state; only attention's depend on it. */
  function boundaryRows(kind, state, history, dim, code) {
    var rows = [], weights = kind === "attention" ? weigh(state, history, dim) : null;
    for (var j = 0; j < dim; j += 1) {
      var row = [];
      if (kind === "copy") row.push([j, 1]);
      else if (kind === "code") row.push([code.positions[j], code.signs[j]]);
      else for (var i = 0; i < history; i += 1) row.push([i * dim + j, weights ? weights[i] : 1]);
      rows.push(row);
    }
    return rows;
  }

  /* All entries of the operator at a state: [row, column, value, on the boundary]. */
  function entries(kind, state, history, dim, code) {
    var size = history * dim, found = [];
    for (var r = 0; r < size - dim; r += 1) found.push([r, r + dim, 1, false]);
    boundaryRows(kind, state, history, dim, code).forEach(function (row, j) {
      row.forEach(function (pair) { found.push([size - dim + j, pair[0], pair[1], true]); });
    });
    return found;
  }

  function Toy(root) {
    this.root = root;
    this.history = Number(root.dataset.history);
    this.dim = Number(root.dataset.dim);
    this.kind = root.dataset.boundary;
    this.playing = false;
    var body = element("div", "twm-lattice-body", root);
    this.addChoices(body);
    var panels = element("div", "twm-lattice-panels", body), left = element("div", "", panels), right = element("div", "", panels);
    element("p", "twm-lattice-title", left, "Lattice (click a cell to change it)");
    this.grid = element("div", "twm-lattice-grid", left);
    this.grid.setAttribute("role", "group");
    this.grid.setAttribute("aria-label", "Cells of the lattice");
    var ends = element("div", "twm-lattice-ends", left);
    element("span", "", ends, "\u2190 oldest, leaves");
    element("span", "", ends, "newest, written by f");
    this.written = element("p", "twm-lattice-written", left);
    element("p", "twm-lattice-title", right, "Wave operator \u03a6 (entries in use are highlighted)");
    this.operator = document.createElementNS(SVG, "svg");
    this.operator.setAttribute("class", "twm-lattice-operator");
    this.operator.setAttribute("role", "img");
    right.appendChild(this.operator);
    this.caption = element("p", "twm-lattice-caption", body);
    this.addButtons(body);
    root.classList.add("is-live");
    this.reset();
  }

  Toy.prototype.addChoices = function (body) {
    var self = this, row = element("div", "twm-lattice-row", body);
    function choice(words, options, value, action) {
      var label = element("label", "", row, words + " "), select = element("select", "", label);
      select.setAttribute("aria-label", words);
      options.forEach(function (option) { element("option", "", select, String(option[1])).value = option[0]; });
      select.value = value;
      select.addEventListener("change", function () { action(select.value); self.reset(); });
    }
    function numbers(from, to) {
      var list = [];
      for (var k = from; k <= to; k += 1) list.push([k, k]);
      return list;
    }
    choice("history", numbers(2, 8), this.history, function (value) { self.history = Number(value); self.code.value = exampleCode(self.history, self.dim); });
    choice("dim", numbers(1, 4), this.dim, function (value) { self.dim = Number(value); self.code.value = exampleCode(self.history, self.dim); });
    choice("boundary", BOUNDARIES, this.kind, function (value) { self.kind = value; });
    this.codeRow = element("div", "twm-lattice-row", body);
    var label = element("label", "", this.codeRow, "code a, b, c ");
    this.code = element("input", "", label);
    this.code.type = "text";
    this.code.autocomplete = "off";
    this.code.value = exampleCode(this.history, this.dim);
    this.problem = element("p", "twm-lattice-problem", this.codeRow);
    this.problem.setAttribute("role", "alert");
    this.code.addEventListener("input", function () { self.reset(); });
  };

  Toy.prototype.addButtons = function (body) {
    var self = this, row = element("div", "twm-lattice-row", body);
    function button(text, action) {
      var made = element("button", "", row, text);
      made.type = "button";
      made.addEventListener("click", action);
      return made;
    }
    button("Step", function () { self.pause(); self.step(); });
    button("Back", function () { self.pause(); self.back(); });
    this.toggle = button("Play", function () { if (self.playing) self.pause(); else self.play(); });
    button("Start again", function () { self.pause(); self.reset(); });
    button("Clear", function () { self.pause(); self.start(new Float64Array(self.history * self.dim)); });
  };

  Toy.prototype.reset = function () {
    this.codeRow.hidden = this.kind !== "code";
    this.codeRow.style.display = this.kind === "code" ? "" : "none";
    if (this.kind === "code") {
      var found = readCode(this.code.value, this.history, this.dim);
      this.problem.textContent = typeof found === "string" ? found : "";
      this.code.setAttribute("aria-invalid", typeof found === "string" ? "true" : "false");
      if (typeof found === "string") {
        if (!this.chosen || this.chosen.positions.length !== this.dim) this.chosen = readCode(exampleCode(this.history, this.dim), this.history, this.dim);
        return;
      }
      this.chosen = found;
    }
    var state = new Float64Array(this.history * this.dim);
    for (var k = 0; k < state.length; k += 1) {
      var column = Math.floor(k / this.dim), j = k % this.dim;
      /* Few cells, so that one sees them travel along the operator's diagonal. */
      if (this.kind === "fibonacci") state[k] = 1;
      else if (column === this.history - 1 || (column === 1 && j === 0)) state[k] = j % 2 === 0 ? 1 : -1;
    }
    this.start(state);
  };

  Toy.prototype.start = function (state) {
    this.tape = [{ state: state, used: [] }];
    this.build();
    this.show();
  };

  /* The buttons of the cells, made anew only where the sizes have changed, so that focus stays where it was. */
  Toy.prototype.build = function () {
    var self = this, sizes = this.history + "x" + this.dim;
    if (this.built === sizes) return;
    this.built = sizes;
    this.grid.textContent = "";
    this.grid.style.gridTemplateColumns = "repeat(" + this.history + ", minmax(0, 1fr))";
    this.cells = [];
    for (var j = 0; j < this.dim; j += 1) {
      for (var i = 0; i < this.history; i += 1) {
        var cell = element("button", "", this.grid);
        cell.type = "button";
        cell.dataset.place = i * this.dim + j;
        cell.addEventListener("click", function () { self.turn(Number(this.dataset.place)); });
        this.cells.push(cell);
      }
    }
  };

  Toy.prototype.now = function () { return this.tape[this.tape.length - 1]; };

  /* A click: nothing, one, minus one, nothing. What is there now is the state that the next step starts from. */
  Toy.prototype.turn = function (place) {
    var state = Float64Array.from(this.now().state), value = state[place];
    state[place] = value === 0 ? 1 : value > 0 ? -1 : 0;
    this.tape[this.tape.length - 1] = { state: state, used: [], changed: true };
    this.pause();
    this.show();
  };

  Toy.prototype.step = function () {
    var old = this.now().state, next = new Float64Array(old.length);
    var used = entries(this.kind, old, this.history, this.dim, this.chosen);
    used.forEach(function (entry) { next[entry[0]] += entry[2] * old[entry[1]]; });
    used = used.filter(function (entry) { return old[entry[1]] !== 0; });
    if (!next.every(function (value) { return Math.abs(value) < 1e9; })) {
      this.pause();
      this.caption.textContent = "The numbers have outgrown their cells. Start again, or clear the lattice.";
      return;
    }
    this.tape.push({ state: next, used: used });
    this.show();
  };

  Toy.prototype.back = function () {
    if (this.tape.length > 1) this.tape.pop();
    this.show();
  };

  Toy.prototype.play = function () {
    var self = this;
    this.playing = true;
    this.toggle.textContent = "Pause";
    this.timer = window.setInterval(function () { self.step(); }, 700);
    this.step();
  };

  Toy.prototype.pause = function () {
    this.playing = false;
    window.clearInterval(this.timer);
    this.toggle.textContent = "Play";
  };

  Toy.prototype.nameCell = function (place) {
    return "column " + (Math.floor(place / this.dim) + 1) + ", dimension " + (place % this.dim + 1);
  };

  Toy.prototype.show = function () {
    var self = this, item = this.now();
    this.cells.forEach(function (cell) {
      var place = Number(cell.dataset.place), value = item.state[place], strong = Math.min(1, Math.abs(value));
      cell.textContent = value === 0 ? "" : write(value);
      cell.style.background = value === 0 ? "#ffffff" : value < 0 ? LOW : HIGH;
      cell.style.color = strong > 0 ? "#ffffff" : INK;
      cell.setAttribute("aria-label", self.nameCell(place) + ": " + write(value));
    });
    this.drawOperator(item);
    this.tell(item);
  };

  Toy.prototype.drawOperator = function (item) {
    var size = this.history * this.dim, unit = 20, full = size * unit, svg = this.operator, k, lit = {};
    svg.textContent = "";
    svg.setAttribute("viewBox", "-2 -2 " + (full + 4) + " " + (full + 4));
    function add(tag, attributes, text) {
      var made = document.createElementNS(SVG, tag);
      for (var key in attributes) made.setAttribute(key, attributes[key]);
      if (text) made.textContent = text;
      svg.appendChild(made);
    }
    /* The last rows are the boundary. */
    add("rect", { x: 0, y: full - this.dim * unit, width: full, height: this.dim * unit, fill: "#fff3d6" });
    for (k = 0; k <= this.history; k += 1) {
      var at = k * this.dim * unit;
      add("path", { d: "M0 " + at + "H" + full + "M" + at + " 0V" + full, stroke: "#c4c4c4", "stroke-width": 1, fill: "none" });
    }
    /* Before the first step, and after a change by hand, the entries of the step to come are shown at rest. */
    entries(this.kind, this.tape.length > 1 ? this.tape[this.tape.length - 2].state : item.state, this.history, this.dim, this.chosen).forEach(function (entry) {
      add("rect", { x: entry[1] * unit + 3, y: entry[0] * unit + 3, width: unit - 6, height: unit - 6, fill: REST });
    });
    item.used.forEach(function (entry) {
      lit[entry[0]] = true;
      add("rect", {
        x: entry[1] * unit + 1, y: entry[0] * unit + 1, width: unit - 2, height: unit - 2, rx: 3, fill: entry[2] < 0 ? LOW : HIGH,
        "fill-opacity": Math.max(0.25, Math.min(1, Math.abs(entry[2])))
      });
    });
    add("rect", { x: 0, y: 0, width: full, height: full, fill: "none", stroke: "#5a5a5a" });
    svg.setAttribute("aria-label", "Matrix of " + size + " rows and columns; " + item.used.length + " entries in use.");
  };

  Toy.prototype.tell = function (item) {
    var steps = this.tape.length - 1, dim = this.dim, text, newest = Array.from(item.state.slice(-dim)).map(write).join(", ");
    var boundary = item.used.filter(function (entry) { return entry[3]; }), shift = item.used.length - boundary.length;
    if (item.changed) text = "Changed by hand. Step to see where it goes.";
    else if (steps === 0) text = "Nothing has moved yet. Press Step, or change a cell first.";
    else {
      text = "Step " + steps + ": " + shift + (shift === 1 ? " cell moves" : " cells move") + " one column to the left; the boundary reads " + boundary.length +
        (boundary.length === 1 ? " cell" : " cells") + " that are not 0 and writes " + newest + ".";
      if (this.kind === "attention") text += " Its entries are the attention of this step: they change with the state.";
    }
    if (this.caption.textContent !== text) this.caption.textContent = text;
    this.caption.setAttribute("aria-live", this.playing ? "off" : "polite");
    this.written.textContent = "Written so far: " + (steps === 0 ? "nothing" : this.tape.slice(1).slice(-12).map(function (past) {
      var column = Array.from(past.state.slice(-dim)).map(write);
      return dim === 1 ? column[0] : "(" + column.join(", ") + ")";
    }).join(" "));
  };

  function mount() {
    document.querySelectorAll(".twm-lattice:not(.is-live)").forEach(function (root) { root.twmLattice = new Toy(root); });
  }

  if (!window.twmLattices) {
    window.twmLattices = { mount: mount };
    element("style", "", document.head, CSS).id = "twm-lattice-style";
  }
  window.twmLattices.mount();
  /* A notebook may run the script before it has put the output into the page. */
  window.setTimeout(window.twmLattices.mount, 300);
})();
