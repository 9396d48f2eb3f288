/* Grids of cells on a canvas that mouse, touch and keyboard can point at. */
(function () {
  "use strict";
  /* Signed values: towards blue below zero, towards red above; zero is paper. From weak to strong. */
  var COLOURS = {
    light: { paper: [255, 255, 255], low: [[146, 197, 222], [33, 102, 172]], high: [[244, 165, 130], [178, 24, 43]] },
    dark: { paper: [20, 24, 29], low: [[38, 84, 128], [112, 182, 240]], high: [[128, 62, 32], [255, 168, 104]] }
  };

  function isDark() { return document.documentElement.dataset.theme === "dark"; }

  function mix(from, to, share) {
    return from.map(function (value, k) { return Math.round(value + (to[k] - value) * share); });
  }

  /* The colour of a value whose magnitude is drawn fully at `limit`. */
  function colourOf(value, limit) {
    var table = COLOURS[isDark() ? "dark" : "light"], share = Math.min(1, Math.abs(value) / limit);
    var arm = value < 0 ? table.low : table.high;
    var colour = share < 0.5 ? mix(table.paper, arm[0], 2 * share) : mix(arm[0], arm[1], 2 * share - 1);
    return "rgb(" + colour.join(",") + ")";
  }

  function paint() {
    return isDark()
      ? { ink: "#e8eaed", soft: "#a9b1ba", grid: "rgba(150,160,170,.28)", mark: "#ffd75e", paper: "rgb(20,24,29)" }
      : { ink: "#222222", soft: "#5a5a5a", grid: "rgba(90,90,90,.28)", mark: "#0057b8", paper: "#ffffff" };
  }

  function element(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  /*
   * A panel. `view` answers: rows(), cols(), value(row, col) (NaN: nothing can be said), limit, name(row, col), and
   * where wanted tallest(), marked(col), wrong(row, col), edited(row, col), foot(pen, box, paint), footHeight, press(row, col).
   */
  function Panel(parent, title, words, view) {
    var self = this, holder = element("div", "twm-x-panel", parent);
    this.view = view;
    this.cursor = null;
    this.heading = element("p", "twm-x-title", holder, title);
    this.canvas = element("canvas", "", holder);
    this.canvas.tabIndex = 0;
    /* Arrow keys point at cells here, so the browser must hand them over; Tab leaves as everywhere. */
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", title + ". " + words);
    this.readout = element("p", "twm-x-readout", holder, words);
    this.words = words;
    this.canvas.addEventListener("pointermove", function (event) { self.point(self.find(event)); });
    this.canvas.addEventListener("pointerleave", function () { self.point(document.activeElement === self.canvas ? self.cursor : null); });
    this.canvas.addEventListener("click", function (event) {
      var cell = self.find(event);
      if (!cell) return;
      self.point(cell);
      if (view.press) view.press(cell[0], cell[1]);
    });
    this.canvas.addEventListener("focus", function () { self.point(self.cursor || [0, 0]); });
    this.canvas.addEventListener("blur", function () { self.point(null, true); });
    this.canvas.addEventListener("keydown", function (event) { self.key(event); });
  }

  Panel.prototype.find = function (event) {
    var box = this.box, edge = this.canvas.getBoundingClientRect();
    if (!box) return null;
    var col = Math.floor((event.clientX - edge.left - box.x) / box.cell), row = Math.floor((event.clientY - edge.top - box.y) / box.tall);
    return row < 0 || col < 0 || row >= this.view.rows() || col >= this.view.cols() ? null : [row, col];
  };

  Panel.prototype.point = function (cell, keep) {
    if (!keep) this.cursor = cell;
    this.shown = keep ? null : cell;
    this.tell();
    this.draw();
  };

  Panel.prototype.tell = function () {
    var text = this.shown ? this.view.name(this.shown[0], this.shown[1]) : this.words;
    if (this.readout.textContent !== text) this.readout.textContent = text;
  };

  Panel.prototype.key = function (event) {
    var moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }, move = moves[event.key];
    var rows = this.view.rows(), cols = this.view.cols(), cell = this.cursor || [0, 0];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (move) this.point([Math.min(rows - 1, Math.max(0, cell[0] + move[0])), Math.min(cols - 1, Math.max(0, cell[1] + move[1]))]);
    else if (event.key === "Home") this.point([cell[0], 0]);
    else if (event.key === "End") this.point([cell[0], cols - 1]);
    else if ((event.key === "Enter" || event.key === " ") && this.view.press) this.view.press(cell[0], cell[1]);
    else return;
    event.preventDefault();
    /* The readout is spoken when the reader moves, not at every step of a running network. */
    this.readout.setAttribute("aria-live", "polite");
  };

  Panel.prototype.draw = function () {
    var view = this.view, canvas = this.canvas, width = canvas.clientWidth, rows = view.rows(), cols = view.cols();
    if (!width) return;
    var colours = paint(), cell = (width - 2) / cols, foot = view.footHeight || 0;
    var tall = Math.min(view.tallest ? view.tallest() : 30, Math.max(view.least || 14, cell)), height = Math.round(tall * rows + 2 + foot);
    /* Where there is more room to the side than upwards, a picture is drawn narrower rather than flat. */
    cell = Math.min(cell, 2 * tall);
    var dense = window.devicePixelRatio || 1, box = { x: 1, y: 1, w: cell * cols, h: tall * rows, cell: cell, tall: tall };
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.style.height = height + "px";
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    this.box = box;
    var pen = canvas.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = colours.paper;
    pen.fillRect(box.x, box.y, box.w, box.h);
    for (var r = 0; r < rows; r += 1) {
      for (var c = 0; c < cols; c += 1) this.drawCell(pen, box, r, c, colours);
    }
    pen.lineWidth = 1;
    pen.strokeStyle = colours.soft;
    pen.strokeRect(box.x - 0.5, box.y - 0.5, box.w + 1, box.h + 1);
    if (view.marked) this.drawMarks(pen, box, cols, colours);
    if (view.foot) view.foot(pen, box, colours);
    if (this.shown) this.drawCursor(pen, box, colours);
  };

  Panel.prototype.drawCell = function (pen, box, r, c, colours) {
    var value = this.view.value(r, c), x = box.x + c * box.cell, y = box.y + r * box.tall;
    if (value === null) return;
    if (value !== value) {
      /* Nothing can be said here: crossed out rather than coloured. */
      pen.strokeStyle = colours.grid;
      pen.beginPath();
      pen.moveTo(x + 2, y + box.tall - 2);
      pen.lineTo(x + box.cell - 2, y + 2);
      pen.stroke();
      return;
    }
    pen.fillStyle = colourOf(value, this.view.limit());
    pen.fillRect(x, y, Math.ceil(box.cell), Math.ceil(box.tall));
    if (box.cell > 6) {
      pen.strokeStyle = colours.grid;
      pen.strokeRect(x + 0.5, y + 0.5, box.cell - 1, box.tall - 1);
    }
    if (this.view.edited && this.view.edited(r, c)) this.drawRing(pen, x, y, box, colours);
    if (this.view.wrong && this.view.wrong(r, c)) {
      pen.fillStyle = colours.ink;
      pen.beginPath();
      pen.arc(x + box.cell / 2, y + box.tall / 2, Math.max(1.5, box.cell / 6), 0, 7);
      pen.fill();
    }
  };

  /* Dark on light, so that it is seen on every colour. */
  Panel.prototype.drawRing = function (pen, x, y, box, colours) {
    var inset = box.cell > 14 ? 3.5 : 2;
    [[3, colours.paper], [1.2, colours.ink]].forEach(function (stroke) {
      pen.lineWidth = stroke[0];
      pen.strokeStyle = stroke[1];
      pen.strokeRect(x + inset, y + inset, box.cell - 2 * inset, box.tall - 2 * inset);
    });
    pen.lineWidth = 1;
  };

  Panel.prototype.drawMarks = function (pen, box, cols, colours) {
    pen.strokeStyle = colours.mark;
    pen.lineWidth = 2.5;
    for (var c = 0; c < cols; c += 1) {
      if (this.view.marked(c)) pen.strokeRect(box.x + c * box.cell, box.y + 0.5, box.cell, box.h - 1);
    }
    pen.lineWidth = 1;
  };

  Panel.prototype.drawCursor = function (pen, box, colours) {
    var x = box.x + this.shown[1] * box.cell, y = box.y + this.shown[0] * box.tall;
    pen.lineWidth = 4;
    pen.strokeStyle = colours.paper;
    pen.strokeRect(x, y, box.cell, box.tall);
    pen.lineWidth = 2;
    pen.strokeStyle = colours.ink;
    pen.strokeRect(x, y, box.cell, box.tall);
    pen.lineWidth = 1;
  };

  window.twmExplorerPanels = { Panel: Panel, element: element };
})();
