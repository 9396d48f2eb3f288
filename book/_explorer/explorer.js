/* The explorer page: what the reader types becomes a picture, a recorded network runs on it, four panels show it. */
(function () {
  "use strict";
  var model = window.twmExplorerModel, data = window.twmExplorerData, Panel = window.twmExplorerPanels.Panel;
  var element = window.twmExplorerPanels.element, SPEEDS = [1, 2, 4, 8, 15, 30, 60], LONGEST = 2000, LAPS = 4, NEURON_COLUMNS = 16;
  /* Below this width, in pixels, the output has half as many laps, so that its cells can be told apart and hit. */
  var ROOMY = 560;
  var COLUMNS = data.font["0"].length, reading = {};
  Object.keys(data.font).forEach(function (character) { reading[data.font[character].join("")] = character; });

  function number(value) { return value.toFixed(2).replace("-", "\u2212"); }

  function place(rows) { return Math.floor((rows - data.fontRows) / 2); }

  /* Text as a picture, column by column, -1 for paper and 1 for ink; a short text is filled up with blanks. */
  function drawText(text, history, dim) {
    var picture = new Float64Array(history * dim).fill(-1), top = place(dim);
    for (var c = 0; c < history; c += 1) {
      var glyph = data.font[text.charAt(Math.floor(c / COLUMNS)) || " "];
      for (var r = 0; r < data.fontRows; r += 1) picture[c * dim + top + r] = glyph[c % COLUMNS].charAt(r) === "1" ? 1 : -1;
    }
    return picture;
  }

  /* The character in four columns; "?" for a picture that is none. columns(c, r) is the value there. */
  function readCharacter(columns, dim) {
    var seen = "", top = place(dim);
    for (var c = 0; c < COLUMNS; c += 1) {
      for (var r = 0; r < data.fontRows; r += 1) seen += columns(c, top + r) > 0 ? "1" : "0";
    }
    return reading[seen] || "?";
  }

  function complain(text, most) {
    var unknown = Array.from(new Set(Array.from(text.toUpperCase()))).filter(function (c) { return !data.font[c]; });
    if (text === "") return "Type at least one character.";
    if (unknown.length) return "No picture for " + unknown.join(" ") + ". Use digits, the letters A to Z, and spaces.";
    if (Array.from(text).length > most) return "Too long. This network stores " + (most === 1 ? "one character." : "up to " + most + " characters.");
    return "";
  }

  function Explorer(root) {
    this.root = root;
    this.trained = data.networks.map(function (entry) { return model.unpackTrained(entry, data.parts); });
    this.built = {};
    this.playing = false;
    this.speed = 3;
    this.text = "3141";
    this.laps = LAPS;
    this.body = element("div", "twm-x-body", root);
    this.addHint();
    this.addSetup();
    this.addControls();
    this.addPanels();
    this.addOverwriting();
    this.choose();
    this.goTo(this.network.history + 4);
    root.classList.add("is-live");
    this.readLink();
    this.watch();
    this.show();
  }

  /* Three steps for those who come for the first time; where nothing can be kept they are shown each time. */
  Explorer.prototype.addHint = function () {
    var key = "twm-explorer-hint", seen = null, hint, list, done;
    try { seen = window.localStorage.getItem(key); } catch (refused) { /* no storage */ }
    if (seen) return;
    hint = element("div", "twm-x-hint", this.body);
    hint.setAttribute("role", "note");
    list = element("ol", "", hint);
    ["Press Play. The text enters one column per step, and the network then repeats it.",
      "Compare panels 2 and 3. Both show the same state; only in the basis of panel 3 is the text visible, and it moves.",
      "Click a cell in panel 3. The stored value changes, and so does every later repeat in panel 4."
    ].forEach(function (text) { element("li", "", list, text); });
    done = element("button", "", hint, "Got it");
    done.type = "button";
    done.addEventListener("click", function () {
      hint.remove();
      try { window.localStorage.setItem(key, "seen"); } catch (refused) { /* no storage */ }
    });
  };

  /* What a link carries: explore.html#text=3141&task=0&weights=trained&step=40, or #play to start at once. */
  Explorer.prototype.readLink = function () {
    var asked = new URLSearchParams(window.location.hash.slice(1)), task = Number(asked.get("task") || 0), step;
    if (task < data.networks.length && task >= 0) this.task.selectedIndex = Math.floor(task);
    this.kinds[asked.get("weights") === "constructed" ? 1 : 0].checked = true;
    if (asked.has("task") || asked.has("weights")) this.choose();
    if (asked.has("text")) {
      this.input.value = asked.get("text");
      this.type();
    }
    if (asked.has("step")) {
      step = Math.floor(Number(asked.get("step")));
      this.goTo(step >= 0 ? step : 0);
    }
    if (asked.has("play")) { this.goTo(0); this.play(); }
  };

  Explorer.prototype.makeLink = function () {
    var parts = { text: this.text, task: this.task.selectedIndex, weights: this.kinds[1].checked ? "constructed" : "trained", step: this.time };
    return window.location.href.split("#")[0] + "#" + new URLSearchParams(parts).toString();
  };

  /* Put the link into the address bar and, where the browser allows it, onto the clipboard. */
  Explorer.prototype.share = function () {
    var self = this, link = this.makeLink();
    function tell(text) { self.note = text; self.say(); }
    window.history.replaceState(null, "", link);
    tell("The link to this text, task and step is in the address bar.");
    if (navigator.clipboard) navigator.clipboard.writeText(link).then(function () { tell("The link to this text, task and step is copied."); }, function () {});
  };

  Explorer.prototype.addSetup = function () {
    var self = this, form = element("form", "twm-x-setup", this.body), field;
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    field = element("div", "twm-x-field", form);
    element("label", "", field, "Task").htmlFor = "twm-x-task";
    this.task = element("select", "", field);
    this.task.id = "twm-x-task";
    data.networks.forEach(function (entry, k) { element("option", "", self.task, entry.name).value = k; });
    field = element("fieldset", "twm-x-field", form);
    element("legend", "", field, "Weights");
    this.kinds = ["trained", "constructed"].map(function (kind) {
      var label = element("label", "twm-x-choice", field), input = element("input", "", label);
      input.type = "radio";
      input.name = "twm-x-kind";
      input.value = kind;
      input.checked = kind === "trained";
      label.appendChild(document.createTextNode(kind === "trained" ? "trained" : "constructed"));
      input.addEventListener("change", function () { self.choose(); });
      return input;
    });
    field = element("div", "twm-x-field", form);
    this.textLabel = element("label", "", field, "Text");
    this.textLabel.htmlFor = "twm-x-text";
    this.input = element("input", "", field);
    this.input.id = "twm-x-text";
    this.input.type = "text";
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.value = this.text;
    this.input.setAttribute("aria-describedby", "twm-x-text-problem");
    this.problem = element("p", "twm-x-problem", field);
    this.problem.id = "twm-x-text-problem";
    this.problem.setAttribute("role", "alert");
    this.task.addEventListener("change", function () { self.choose(); });
    this.input.addEventListener("input", function () { self.type(); });
  };

  Explorer.prototype.addControls = function () {
    var self = this, bar = element("div", "twm-x-controls", this.body);
    function button(text, words, action) {
      var made = element("button", "", bar, text);
      made.type = "button";
      if (words) made.setAttribute("aria-label", words);
      made.addEventListener("click", action);
      return made;
    }
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Run");
    button("Restart", "", function () { self.pause(); self.goTo(0); self.show(); });
    button("Back", "One step back", function () { self.pause(); self.goTo(self.time - 1); self.show(); });
    this.toggle = button("Play", "", function () { if (self.playing) self.pause(); else self.play(); self.say(); });
    button("Step", "One step forward", function () { self.pause(); self.goTo(self.time + 1); self.show(); });
    button("Link", "Copy a link to this state", function () { self.pause(); self.share(); });
    var label = element("label", "twm-x-speed", bar, "Speed");
    this.slider = element("input", "", label);
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.max = SPEEDS.length - 1;
    this.slider.value = this.speed;
    this.rate = element("span", "", label);
    this.slider.addEventListener("input", function () { self.speed = Number(self.slider.value); self.tellSpeed(); });
    this.tellSpeed();
    this.status = element("p", "twm-x-status", this.body);
    this.status.setAttribute("role", "status");
  };

  Explorer.prototype.tellSpeed = function () {
    var text = SPEEDS[this.speed] + (SPEEDS[this.speed] === 1 ? " step per second" : " steps per second");
    this.rate.textContent = SPEEDS[this.speed] + " / s";
    this.slider.setAttribute("aria-valuetext", text);
  };

  Explorer.prototype.addPanels = function () {
    var self = this, grid = element("div", "twm-x-panels", this.body);
    function dim() { return self.network.dim; }
    /* Where panels stand side by side, all four fit into one window, however many rows a picture has. */
    function fit(height, most) { return function () { return self.laps === LAPS ? Math.min(most, height / dim()) : most; }; }
    function now() { return self.run.tape[self.time]; }
    this.panels = {
      input: new Panel(grid, "1. Input", "Click cells to draw. The run then restarts with your picture.", {
        rows: dim, cols: function () { return self.network.history; }, limit: function () { return 1; }, tallest: fit(110, 30),
        value: function (r, c) { return self.picture[c * dim() + r]; },
        marked: function (c) { return self.time === c + 1; },
        name: function (r, c) {
          return "Input " + (c + 1) + ", dimension " + (r + 1) + ": " + (self.picture[c * dim() + r] > 0 ? "ink (1)" : "paper (\u22121)") +
            (self.time > c ? ", entered at step " : ", enters at step ") + (c + 1) + ".";
        },
        press: function (r, c) { self.draw(r, c); }
      }),
      neurons: new Panel(grid, "2. Hidden neurons", "Activity of all neurons, in rows of 16. Point at a neuron to see its value.", {
        rows: function () { return Math.ceil(self.network.hidden / NEURON_COLUMNS); }, cols: function () { return NEURON_COLUMNS; },
        limit: function () { return self.loudest; }, tallest: function () { return 34; }, least: 10,
        value: function (r, c) { return r * NEURON_COLUMNS + c < self.network.hidden ? now().state[r * NEURON_COLUMNS + c] : null; },
        name: function (r, c) {
          var neuron = r * NEURON_COLUMNS + c;
          return "Neuron " + (neuron + 1) + " of " + self.network.hidden + ": " + number(now().state[neuron]) + ".";
        }
      }),
      variables: new Panel(grid, "3. The same state in the recovered basis", "Each column is one variable, with the oldest on the left. Click a cell to overwrite it.", {
        rows: dim, cols: function () { return self.network.history; }, limit: function () { return 1.2; }, tallest: fit(110, 30),
        value: function (r, c) { return self.read()[c * dim() + r]; },
        edited: function (r, c) { return self.run.isEdited(self.time, c * dim() + r); },
        name: function (r, c) { return self.nameVariable(r, c); },
        press: function (r, c) { self.flip(r, c); }
      }),
      output: new Panel(grid, "4. Output", "Output of the network after the end of the input. Vertical lines separate periods.", {
        rows: dim, cols: function () { return self.laps * self.network.history; }, limit: function () { return 1; }, tallest: fit(60, 22), least: 7, footHeight: 22,
        value: function (r, c) { var t = self.timeOf(c); return t > self.time ? null : self.run.tape[t].output[r]; },
        edited: function (r, c) { var t = self.timeOf(c); return t <= self.time && self.run.isEdited(t, self.network.size - dim() + r); },
        wrong: function (r, c) { var item = self.run.tape[self.timeOf(c)]; return item.output[r] > 0 !== item.expected[r] > 0; },
        foot: function (pen, box, colours) { self.writeFoot(pen, box, colours); },
        name: function (r, c) {
          var t = self.timeOf(c);
          if (t > self.time) return "Output step " + (t - self.network.history) + " has not been reached yet.";
          var item = self.run.tape[t];
          return "Output step " + (t - self.network.history) + ", dimension " + (r + 1) + ": " + number(item.output[r]) +
            (item.output[r] > 0 === item.expected[r] > 0 ? ", as predicted." : "; the prediction is " + number(item.expected[r]) + ".");
        },
        press: function (r, c) { self.pick(c); }
      })
    };
    this.panels.neurons.canvas.parentNode.classList.add("twm-x-neurons");
    this.panels.output.canvas.parentNode.classList.add("twm-x-output");
    var spoken = element("p", "twm-x-outtext", this.panels.output.canvas.parentNode);
    this.outLabel = element("span", "", spoken, "Output as text: ");
    this.outText = element("output", "", spoken);
  };

  Explorer.prototype.addOverwriting = function () {
    var self = this, form = element("form", "twm-x-overwrite", this.body), set = element("fieldset", "", form);
    this.overwriting = form;
    element("legend", "", set, "Overwrite a character");
    element("label", "", set, "Character").htmlFor = "twm-x-slot";
    this.slot = element("select", "", set);
    this.slot.id = "twm-x-slot";
    element("label", "", set, "becomes").htmlFor = "twm-x-new";
    this.newText = element("input", "", set);
    this.newText.id = "twm-x-new";
    this.newText.type = "text";
    this.newText.autocomplete = "off";
    this.newText.size = 2;
    this.newText.value = "7";
    this.newText.setAttribute("aria-describedby", "twm-x-new-problem");
    element("button", "", set, "Overwrite").type = "submit";
    this.newProblem = element("p", "twm-x-problem", set);
    this.newProblem.id = "twm-x-new-problem";
    this.newProblem.setAttribute("role", "alert");
    form.addEventListener("submit", function (event) { event.preventDefault(); self.overwriteCharacter(); });
    this.about = element("p", "twm-x-about", this.body);
  };

  /* The network that the choices name, and a fresh run of it. */
  Explorer.prototype.choose = function () {
    var at = Number(this.task.value), made = this.kinds[1].checked, most, self = this;
    if (made && !this.built[at]) this.built[at] = model.construct(this.trained[at], data.constructed);
    this.network = made ? this.built[at] : this.trained[at];
    most = Math.floor(this.network.history / COLUMNS);
    if (Array.from(this.text).length > most) this.text = this.text.slice(0, most);
    this.input.value = this.text;
    this.textLabel.textContent = "Text, up to " + most + " characters";
    this.repeats = this.network.positions.every(function (p, k) { return p === k && self.network.signs[k] === 1; });
    this.overwriting.hidden = !this.repeats;
    this.about.textContent = this.describe(made, this.trained[at]);
    this.picture = drawText(this.text, this.network.history, this.network.dim);
    this.setProblem("");
    this.loudest = this.findLoudest();
    this.restart();
  };

  /* Three times the neurons' root mean square in a lap of the output phase: where the colours of panel 2 are full. */
  Explorer.prototype.findLoudest = function () {
    var run = new model.Run(this.network, this.picture), sum = 0, count = 0, history = this.network.history;
    while (run.last() < 2 * history) run.forward();
    run.tape.slice(history + 1).forEach(function (item) {
      item.state.forEach(function (value) { sum += value * value; count += 1; });
    });
    return 3 * Math.sqrt(sum / count);
  };

  Explorer.prototype.describe = function (made, entry) {
    var net = this.network, size = net.history + " columns of " + net.dim;
    var boundary = this.repeats ? "the boundary copies the oldest column" : "the boundary copies selected components" + (net.signs.some(function (s) { return s < 0; }) ? ", some with their sign changed" : "");
    var what = made
      ? "Constructed network: linear, " + net.hidden + " neurons, with the wave operator in a random orthonormal basis."
      : "Trained network: tanh, " + net.hidden + " neurons, seed " + entry.seed + ", " + entry.iterations + " iterations (saved as " + entry.record + ").";
    var unread = net.size - net.rank;
    return what + " " + size.charAt(0).toUpperCase() + size.slice(1) + "; " + boundary + "." +
      (unread ? " The task uses " + net.rank + " of the " + net.size + " components. The others are crossed out, because they never reach an output." : "");
  };

  Explorer.prototype.restart = function () {
    this.run = new model.Run(this.network, this.picture);
    this.time = 0;
    this.note = "";
    this.fillSlots();
    this.show();
  };

  Explorer.prototype.setProblem = function (text) {
    this.problem.textContent = text;
    this.input.setAttribute("aria-invalid", text ? "true" : "false");
  };

  Explorer.prototype.type = function () {
    var text = this.input.value, problem = complain(text, Math.floor(this.network.history / COLUMNS));
    this.setProblem(problem);
    if (problem) return;
    this.text = text.toUpperCase();
    this.picture = drawText(this.text, this.network.history, this.network.dim);
    this.restart();
  };

  Explorer.prototype.draw = function (r, c) {
    var at = c * this.network.dim + r;
    this.picture = Float64Array.from(this.picture);
    this.picture[at] = -this.picture[at];
    this.restart();
    this.panels.input.tell();
  };

  Explorer.prototype.goTo = function (time) {
    this.note = "";
    this.time = Math.max(0, Math.min(LONGEST, time));
    while (this.run.last() < this.time) this.run.forward();
    this.cache = null;
  };

  Explorer.prototype.read = function () {
    if (!this.cache) this.cache = this.network.readSubstrate(this.run.tape[this.time].state);
    return this.cache;
  };

  Explorer.prototype.firstLap = function () {
    return Math.max(0, Math.floor((this.time - this.network.history - 1) / this.network.history) - this.laps + 1);
  };

  Explorer.prototype.timeOf = function (c) { return this.network.history * (1 + this.firstLap()) + 1 + c; };

  Explorer.prototype.nameVariable = function (r, c) {
    var dim = this.network.dim, at = c * dim + r, value = this.read()[at], source = this.run.tape[this.time].source[at];
    var name = "Column " + (c + 1) + (c === 0 ? " (oldest)" : c === this.network.history - 1 ? " (newest)" : "") + ", dimension " + (r + 1) + ": ";
    if (value !== value) return name + "no output depends on this component.";
    name += number(value);
    if (source === 0) return name + " (empty).";
    var from = Math.abs(source) - 1, copies = this.run.findCopies(this.time, at).length;
    return name + ". Stored value: " + (source < 0 ? "minus " : "") + "component " + (from % dim + 1) + " of input " + (Math.floor(from / dim) + 1) +
      (this.run.isEdited(this.time, at) ? ", overwritten" : "") + (copies > 1 ? "; other cells with the same value: " + (copies - 1) + "." : ".");
  };

  Explorer.prototype.mayOverwrite = function () {
    if (this.time > this.network.history) return true;
    this.note = "The memory is still filling. You can overwrite from step " + (this.network.history + 1) + " on, one step after the last input.";
    this.say();
    return false;
  };

  Explorer.prototype.change = function (changes, note) {
    var changed = this.run.overwrite(this.time, changes);
    this.cache = null;
    this.note = note + " " + (changed === 1 ? "One cell was" : changed + " cells were") + " written through the basis; all others are unchanged.";
    this.fillSlots();
    this.show();
  };

  Explorer.prototype.flip = function (r, c) {
    var at = c * this.network.dim + r;
    if (!this.mayOverwrite()) return;
    if (this.network.column[at] < 0) {
      this.note = "No output depends on this component, so it cannot be overwritten.";
      this.say();
      return;
    }
    this.change([[at, -this.run.tape[this.time].wave[at]]], "Overwritten at step " + this.time + ".");
    this.panels.variables.tell();
  };

  /* Where in the substrate a column of the text is now: every step moves it one place towards the oldest. */
  Explorer.prototype.columnNow = function (column) {
    var history = this.network.history, turned = (column - (this.time - history)) % history;
    return (turned + history) % history;
  };

  Explorer.prototype.heldCharacter = function (slot) {
    var self = this, dim = this.network.dim, wave = this.run.tape[this.time].wave;
    if (this.time < this.network.history) return this.text.charAt(slot) || " ";
    return readCharacter(function (c, r) { return wave[self.columnNow(slot * COLUMNS + c) * dim + r]; }, dim);
  };

  Explorer.prototype.fillSlots = function () {
    var chosen = Math.max(0, this.slot.selectedIndex), count = Math.floor(this.network.history / COLUMNS);
    this.slot.textContent = "";
    for (var k = 0; k < count; k += 1) {
      var held = this.heldCharacter(k);
      element("option", "", this.slot, k + 1 + ": " + (held === " " ? "blank" : held)).value = k;
    }
    this.slot.selectedIndex = Math.min(chosen, count - 1);
  };

  Explorer.prototype.overwriteCharacter = function () {
    var text = this.newText.value, problem = complain(text, 1), slot = this.slot.selectedIndex, dim = this.network.dim, changes = [];
    if (Array.from(text).length > 1 && problem.indexOf("Too long") === 0) problem = "One character only.";
    this.newProblem.textContent = problem;
    this.newText.setAttribute("aria-invalid", problem ? "true" : "false");
    if (problem || !this.mayOverwrite()) return;
    var glyph = data.font[text.toUpperCase()], top = place(dim);
    for (var c = 0; c < COLUMNS; c += 1) {
      var at = this.columnNow(slot * COLUMNS + c) * dim;
      for (var r = 0; r < data.fontRows; r += 1) changes.push([at + top + r, glyph[c].charAt(r) === "1" ? 1 : -1]);
    }
    this.change(changes, "Character " + (slot + 1) + " overwritten with " + text.toUpperCase() + " at step " + this.time + ".");
  };

  /* A click on the output chooses the character there for overwriting. */
  Explorer.prototype.pick = function (c) {
    if (!this.repeats) return;
    this.slot.selectedIndex = Math.floor((c % this.network.history) / COLUMNS);
    this.newText.focus();
    this.newText.select();
  };

  Explorer.prototype.outputCharacter = function (start) {
    var self = this;
    return readCharacter(function (c, r) { return self.run.tape[start + c].output[r]; }, this.network.dim);
  };

  Explorer.prototype.writeFoot = function (pen, box, colours) {
    var history = this.network.history, start = this.timeOf(0), lap, c;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    pen.fillStyle = pen.strokeStyle = colours.soft;
    for (lap = 1; lap < this.laps; lap += 1) {
      pen.beginPath();
      pen.moveTo(box.x + lap * history * box.cell, box.y);
      pen.lineTo(box.x + lap * history * box.cell, box.y + box.h + 5);
      pen.stroke();
    }
    if (!this.repeats) return;
    pen.font = "600 14px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
    pen.fillStyle = colours.ink;
    for (c = 0; c < this.laps * history; c += COLUMNS) {
      if (start + c + COLUMNS - 1 <= this.time) pen.fillText(this.outputCharacter(start + c), box.x + (c + COLUMNS / 2) * box.cell, box.y + box.h + 5);
    }
  };

  /* All of the output so far as text, a lap a word. */
  Explorer.prototype.readOutput = function () {
    var history = this.network.history, laps = [], word = "";
    for (var t = history + 1; t + COLUMNS - 1 <= this.time; t += COLUMNS) {
      word += this.outputCharacter(t);
      if ((t - 1 + COLUMNS) % history === 0) { laps.push(word); word = ""; }
    }
    return laps.concat(word ? [word] : []).slice(-LAPS).join(" | ");
  };

  Explorer.prototype.say = function () {
    var history = this.network.history, item = this.run.tape[this.time], text;
    if (this.time === 0) text = "Step 0. The network is at rest. Press Play or Step.";
    else if (this.time <= history) text = "Step " + this.time + ": input " + this.time + " of " + history + " enters as the newest column, and all other columns move by one.";
    else text = "Step " + this.time + ": no input. Outputs matching the prediction: " + item.right + " of " + item.counted + ".";
    if (this.time === LONGEST) text += " The run ends here.";
    this.status.setAttribute("aria-live", this.playing ? "off" : "polite");
    text = this.note ? this.note + " " + text : text;
    if (this.status.textContent !== text) this.status.textContent = text;
  };

  Explorer.prototype.show = function () {
    var self = this;
    this.cache = null;
    this.laps = this.panels.output.canvas.clientWidth < ROOMY ? LAPS / 2 : LAPS;
    Object.keys(this.panels).forEach(function (key) {
      self.panels[key].draw();
      if (self.panels[key].shown) self.panels[key].tell();
    });
    this.outText.textContent = this.repeats ? this.readOutput() : "";
    this.outLabel.parentNode.hidden = !this.repeats;
    this.say();
  };

  Explorer.prototype.play = function () {
    var self = this, due = null;
    if (this.playing) return;
    this.playing = true;
    this.toggle.textContent = "Pause";
    Object.keys(this.panels).forEach(function (key) { self.panels[key].readout.setAttribute("aria-live", "off"); });
    function tick(now) {
      if (!self.playing) return;
      if (due === null) due = now;
      /* At 60 a second a step is a frame; half a frame of grace keeps rounding from halving that. */
      if (now >= due - 8 && !document.hidden) {
        var kept = self.note;
        self.goTo(self.time + 1);
        /* A note about an overwriting stays readable while the network runs on. */
        self.note = kept;
        self.show();
        due = Math.max(due + 1000 / SPEEDS[self.speed], now - 100);
      }
      if (self.time >= LONGEST) self.pause();
      else window.requestAnimationFrame(tick);
    }
    window.requestAnimationFrame(tick);
  };

  Explorer.prototype.pause = function () {
    this.playing = false;
    this.toggle.textContent = "Play";
    this.fillSlots();
    this.say();
  };

  Explorer.prototype.watch = function () {
    var self = this;
    if (window.ResizeObserver) new ResizeObserver(function () { self.show(); }).observe(this.body);
    else window.addEventListener("resize", function () { self.show(); });
    new MutationObserver(function () { self.show(); }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  };

  document.querySelectorAll(".twm-explorer").forEach(function (root) { root.twmExplorer = new Explorer(root); });
})();
