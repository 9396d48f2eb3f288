/* A register and a wave side by side: one item is written into a flip-flop and into repeat copy, and read where it is. */
(function () {
  "use strict";
  var model = window.twmExplorerModel, data = window.twmExplorerData, panels = window.twmExplorerPanels;
  var element = panels.element, STEPS = 40, PACE = 160;
  /* What the other inputs are; the first one is the item. */
  var OTHERS = [-1, -1, 1, -1, 1, 1, -1], PULSES = { 0: [0, -1, 1], 14: [0, 0, -1], 27: [0, 1, 0] };

  /* The flip-flop's outputs: a pulse sets a channel, which holds it until the next pulse there. */
  function runRegister(item) {
    var net = model.unpackTrained(data.register, data.parts.slice(0, 3)), state = new Float64Array(net.hidden), tape = [];
    for (var t = 0; t < STEPS; t += 1) {
      var pulse = PULSES[t] ? Float64Array.from(PULSES[t]) : null;
      if (t === 0) pulse[0] = item;
      state = net.step(state, pulse);
      tape.push({ values: net.read(state), place: 0 });
    }
    return { rows: net.dim, limit: 5, tape: tape };
  }

  /* T1's columns of one dimension, read by the dual basis: every step moves them by one, and the boundary brings them back. */
  function runWave(item) {
    var net = model.unpackTrained(data.networks[1], data.parts), state = new Float64Array(net.hidden), tape = [], history = net.history;
    for (var t = 0; t < STEPS; t += 1) {
      var input = t < history ? new Float64Array(net.dim).fill(t ? OTHERS[t - 1] : item) : null, read;
      state = net.step(state, input);
      read = net.readSubstrate(state);
      tape.push({ values: Array.from({ length: history }, function (_, c) { return read[c * net.dim]; }), place: history - 1 - (t % history) });
    }
    return { rows: history, limit: 1.2, tape: tape };
  }

  function Memories(root) {
    var self = this, bar = element("div", "twm-x-controls", root), grid = element("div", "twm-x-panels", root);
    this.time = STEPS - 1;
    this.timer = null;
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Write an item");
    [["Write +1", 1], ["Write \u22121", -1]].forEach(function (pair) {
      var button = element("button", "", bar, pair[0]);
      button.type = "button";
      button.addEventListener("click", function () { self.write(pair[1]); self.play(); });
    });
    this.status = element("p", "twm-x-status", root);
    this.status.setAttribute("role", "status");
    this.panels = [
      ["Register: the outputs of a flip-flop", "Channel", "runRegister"],
      ["Wave: the columns of one dimension of T1", "Column", "runWave"]
    ].map(function (parts, k) { return self.addPanel(grid, k, parts[0], parts[1]); });
    this.write(1);
    this.tell();
    new MutationObserver(function () { self.show(); }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    if (window.ResizeObserver) new ResizeObserver(function () { self.show(); }).observe(root);
  }

  Memories.prototype.addPanel = function (grid, k, title, row) {
    var self = this;
    return new panels.Panel(grid, title, "Time runs to the right. The item is outlined.", {
      rows: function () { return self.runs[k].rows; }, cols: function () { return STEPS; }, least: 18,
      limit: function () { return self.runs[k].limit; },
      value: function (r, c) { return c > self.time ? null : self.runs[k].tape[c].values[r]; },
      edited: function (r, c) { return self.runs[k].tape[c].place === r; },
      name: function (r, c) {
        return row + " " + (r + 1) + ", step " + (c + 1) + (c > self.time ? ": still to come." : ": " +
          self.runs[k].tape[c].values[r].toFixed(2).replace("-", "\u2212") + (self.runs[k].tape[c].place === r ? ", the item." : "."));
      }
    });
  };

  Memories.prototype.write = function (item) {
    this.item = item;
    this.runs = [runRegister(item), runWave(item)];
    this.show();
  };

  Memories.prototype.tell = function () {
    var item = this.item > 0 ? "+1" : "\u22121", place = this.runs[1].tape[this.time].place + 1;
    this.status.textContent = "Step " + (this.time + 1) + ": the item " + item + " is in channel 1 of the register, where it entered, and in column " +
      place + " of the wave, which it entered at column " + this.runs[1].rows + ".";
  };

  Memories.prototype.show = function () {
    this.panels.forEach(function (panel) { panel.draw(); if (panel.shown) panel.tell(); });
  };

  Memories.prototype.play = function () {
    var self = this;
    window.clearInterval(this.timer);
    this.time = 0;
    this.status.setAttribute("aria-live", "off");
    this.timer = window.setInterval(function () {
      if (self.time >= STEPS - 1) {
        window.clearInterval(self.timer);
        self.status.setAttribute("aria-live", "polite");
      } else self.time += 1;
      self.tell();
      self.show();
    }, PACE);
  };

  document.querySelectorAll(".twm-memories").forEach(function (root) { root.twmMemories = new Memories(root); });
})();
