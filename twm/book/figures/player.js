/* Player for twm animations: canvas panels, buttons, a slider and a caption. No library, no request, no state kept. */
(function () {
  "use strict";
  var INK = "#222222", SOFT = "#5a5a5a", FONT = "12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
  var DASHES = [[], [7, 4], [7, 3, 2, 3], [2, 3], [10, 3, 2, 3, 2, 3], [12, 5]];
  var CSS =
    ".twm-player{background:#fff;color:#222;color-scheme:light;border:1px solid #c4c4c4;border-radius:8px;" +
    "padding:.75rem;margin:1rem 0;max-width:100%;box-sizing:border-box;overflow:hidden}" +
    ".twm-player *{box-sizing:border-box}" +
    ".twm-player-grid{display:grid;gap:.75rem 1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr))}" +
    ".twm-player-panel{min-width:0;margin:0}.twm-player-panel canvas{display:block;width:100%}" +
    ".twm-player-title{font-weight:600;font-size:.9rem;line-height:1.3;margin:0 0 .25rem;color:#222}" +
    ".twm-player-legend{display:flex;flex-wrap:wrap;gap:.1rem .9rem;font-size:.8rem;color:#222;margin:0 0 .2rem}" +
    ".twm-player-legend span{display:inline-flex;align-items:center;gap:.35rem}" +
    ".twm-player-legend canvas{display:inline-block;width:28px;height:10px}" +
    ".twm-player-caption{margin:.5rem 0;min-height:2.7em;line-height:1.35;font-size:.95rem;color:#222}" +
    ".twm-player-controls{display:flex;align-items:center;gap:.4rem}" +
    ".twm-player-controls button{min-width:40px;height:40px;padding:0 .5rem;border:1px solid #767676;border-radius:6px;" +
    "background:#f4f4f4;color:#222;font-size:1rem;line-height:1;cursor:pointer}" +
    ".twm-player-controls button:hover{background:#e4e4e4}" +
    ".twm-player-controls svg{width:16px;height:16px;display:block;margin:auto;fill:#222}" +
    ".twm-player-controls button:focus-visible,.twm-player-controls input:focus-visible" +
    "{outline:3px solid #0057b8;outline-offset:2px}" +
    ".twm-player-controls input{flex:1;min-width:60px;height:40px;margin:0;accent-color:#0057b8}" +
    ".twm-player-count{min-width:4.2em;text-align:right;font-size:.85rem;font-variant-numeric:tabular-nums;color:#222}" +
    ".twm-player-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}" +
    ".twm-player.is-live{position:relative}.twm-player.is-live>.twm-player-still{display:none}" +
    "@media print{.twm-player.is-live>.twm-player-still{display:block;max-width:100%}" +
    ".twm-player.is-live>.twm-player-body{display:none}}";

  function decode(text) {
    var raw = window.atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }

  function element(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function write(value) {
    return String(Number(Number(value).toPrecision(3))).replace("-", "\u2212");
  }

  function niceTicks(low, high, most) {
    var rough = (high - low) / Math.max(1, most), power = Math.pow(10, Math.floor(Math.log10(rough)));
    var step = [1, 2, 5, 10].map(function (k) { return k * power; }).find(function (s) { return s >= rough; });
    var ticks = [];
    for (var k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) ticks.push(k * step);
    return ticks;
  }

  /* A canvas of the given height in CSS pixels, sharp on dense screens. */
  function prepare(canvas, width, height) {
    var dense = window.devicePixelRatio || 1;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    var pen = canvas.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, width, height);
    pen.font = FONT;
    pen.fillStyle = INK;
    pen.strokeStyle = INK;
    pen.lineWidth = 1;
    return pen;
  }

  function widest(pen, words) {
    return words.reduce(function (most, word) { return Math.max(most, pen.measureText(word).width); }, 0);
  }

  function writeLabels(pen, labels, box) {
    pen.fillStyle = INK;
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    pen.fillText(labels[1], box.x + box.w / 2, box.bottom, box.w + 40);
    pen.save();
    pen.translate(0, box.y + box.h / 2);
    pen.rotate(-Math.PI / 2);
    pen.textBaseline = "top";
    pen.fillText(labels[0], 0, 0, box.h + 24);
    pen.restore();
  }

  function Heat(data, canvas) {
    this.data = data;
    this.canvas = canvas;
    this.levels = decode(data.levels);
    this.colours = decode(data.colours);
    this.small = document.createElement("canvas");
    this.small.width = data.shape[2];
    this.small.height = data.shape[1];
  }

  Heat.prototype.draw = function (step) {
    var data = this.data, rows = data.shape[1], cols = data.shape[2], width = this.canvas.clientWidth;
    if (!width) return;
    var pen = this.canvas.getContext("2d");
    pen.font = FONT;
    var ends = data.range.map(write), left = 24 + Math.ceil(widest(pen, data.names[0]));
    var right = 22 + Math.ceil(widest(pen, ends)), w = Math.max(40, width - left - right);
    var h = Math.round(Math.min(320, Math.max(48, rows * w / cols))), box = { x: left, y: 7, w: w, h: h, bottom: h + 46 };
    pen = prepare(this.canvas, width, box.bottom);
    this.canvas.dataset.box = JSON.stringify(box);
    var image = pen.createImageData(cols, rows), size = rows * cols;
    for (var i = 0; i < size; i += 1) {
      var level = 3 * this.levels[step * size + i];
      image.data[4 * i] = this.colours[level];
      image.data[4 * i + 1] = this.colours[level + 1];
      image.data[4 * i + 2] = this.colours[level + 2];
      image.data[4 * i + 3] = 255;
    }
    this.small.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.small, box.x, box.y, w, h);
    if (w / cols >= 7 && h / rows >= 7) this.drawGrid(pen, box, rows, cols);
    pen.strokeStyle = SOFT;
    pen.strokeRect(box.x - 0.5, box.y - 0.5, w + 1, h + 1);
    this.nameCells(pen, box, rows, cols);
    this.drawScale(pen, box, ends);
    writeLabels(pen, data.labels, box);
  };

  Heat.prototype.drawGrid = function (pen, box, rows, cols) {
    pen.strokeStyle = "rgba(120,120,120,0.45)";
    pen.beginPath();
    for (var c = 1; c < cols; c += 1) {
      pen.moveTo(box.x + c * box.w / cols, box.y);
      pen.lineTo(box.x + c * box.w / cols, box.y + box.h);
    }
    for (var r = 1; r < rows; r += 1) {
      pen.moveTo(box.x, box.y + r * box.h / rows);
      pen.lineTo(box.x + box.w, box.y + r * box.h / rows);
    }
    pen.stroke();
  };

  Heat.prototype.nameCells = function (pen, box, rows, cols) {
    var names = this.data.names, everyCol, everyRow, i;
    everyCol = Math.max(1, Math.ceil((widest(pen, names[1]) + 6) * cols / box.w));
    everyRow = Math.max(1, Math.ceil(13 * rows / box.h));
    pen.fillStyle = INK;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (i = 0; i < cols; i += everyCol) pen.fillText(names[1][i], box.x + (i + 0.5) * box.w / cols, box.y + box.h + 4);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (i = 0; i < rows; i += everyRow) pen.fillText(names[0][i], box.x - 5, box.y + (i + 0.5) * box.h / rows);
  };

  Heat.prototype.drawScale = function (pen, box, ends) {
    var x = box.x + box.w + 8;
    for (var i = 0; i < 256; i += 1) {
      pen.fillStyle = "rgb(" + Array.prototype.join.call(this.colours.subarray(3 * i, 3 * i + 3), ",") + ")";
      pen.fillRect(x, box.y + box.h * (1 - (i + 1) / 256), 8, box.h / 256 + 0.5);
    }
    pen.strokeStyle = SOFT;
    pen.strokeRect(x - 0.5, box.y - 0.5, 9, box.h + 1);
    pen.fillStyle = INK;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(ends[1], x + 12, box.y + 4);
    pen.fillText(ends[0], x + 12, box.y + box.h - 4);
  };

  function Lines(data, canvas) {
    this.data = data;
    this.canvas = canvas;
    this.levels = decode(data.levels);
  }

  Lines.prototype.draw = function (step) {
    var data = this.data, width = this.canvas.clientWidth, self = this;
    if (!width) return;
    var pen = this.canvas.getContext("2d");
    pen.font = FONT;
    var low = data.limits[0], high = data.limits[1], first = data.x[0], last = data.x[data.x.length - 1];
    var h = Math.round(Math.min(240, Math.max(140, 0.5 * width)));
    var yTicks = niceTicks(low, high, h / 40), left = 28 + Math.ceil(widest(pen, yTicks.map(write)));
    var box = { x: left, y: 8, w: Math.max(40, width - left - 14), h: h, bottom: h + 50 };
    function toX(value) { return box.x + box.w * (value - first) / (last - first); }
    function toY(value) { return box.y + box.h * (high - value) / (high - low); }
    pen = prepare(this.canvas, width, box.bottom);
    pen.strokeStyle = "#d9d9d9";
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    yTicks.forEach(function (tick) {
      pen.fillText(write(tick), box.x - 5, toY(tick));
      pen.beginPath();
      pen.moveTo(box.x, toY(tick));
      pen.lineTo(box.x + box.w, toY(tick));
      pen.stroke();
    });
    pen.textAlign = "center";
    pen.textBaseline = "top";
    niceTicks(first, last, box.w / 60).forEach(function (tick) { pen.fillText(write(tick), toX(tick), box.y + box.h + 5); });
    pen.save();
    pen.beginPath();
    pen.rect(box.x, box.y, box.w, box.h);
    pen.clip();
    data.names.forEach(function (name, curve) { self.drawCurve(pen, step, curve, toX, toY); });
    pen.restore();
    pen.setLineDash([]);
    pen.lineWidth = 1;
    pen.strokeStyle = SOFT;
    pen.strokeRect(box.x - 0.5, box.y - 0.5, box.w + 1, box.h + 1);
    writeLabels(pen, data.labels, box);
  };

  Lines.prototype.drawCurve = function (pen, step, curve, toX, toY) {
    var data = this.data, count = data.shape[2], start = (step * data.shape[1] + curve) * count;
    var scale = (data.range[1] - data.range[0]) / 65535;
    pen.strokeStyle = data.colours[curve];
    pen.lineWidth = 2;
    pen.setLineDash(DASHES[curve]);
    pen.beginPath();
    for (var i = 0; i < count; i += 1) {
      var level = this.levels[2 * (start + i)] + 256 * this.levels[2 * (start + i) + 1];
      pen.lineTo(toX(data.x[i]), toY(data.range[0] + scale * level));
    }
    pen.stroke();
  };

  function addLegend(data, parent) {
    var legend = element("div", "twm-player-legend", parent);
    data.names.forEach(function (name, curve) {
      var entry = element("span", "", legend), sample = element("canvas", "", entry);
      element("span", "", entry, name);
      sample.setAttribute("aria-hidden", "true");
      sample.width = 56;
      sample.height = 20;
      var pen = sample.getContext("2d");
      pen.scale(2, 2);
      pen.strokeStyle = data.colours[curve];
      pen.lineWidth = 2;
      pen.setLineDash(DASHES[curve]);
      pen.beginPath();
      pen.moveTo(0, 5);
      pen.lineTo(28, 5);
      pen.stroke();
    });
  }

  var ICONS = {
    play: "M3 1l11 7-11 7z",
    pause: "M3 1h4v14H3zM9 1h4v14H9z",
    back: "M2 1h2v14H2zM14 1v14L5 8z",
    forward: "M12 1h2v14h-2zM2 1l9 7-9 7z"
  };

  function setButton(button, icon, label) {
    button.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="' + ICONS[icon] + '"/></svg>';
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  function addButton(parent, icon, label, action) {
    var button = element("button", "", parent);
    button.type = "button";
    setButton(button, icon, label);
    button.addEventListener("click", action);
    return button;
  }

  function Player(root, number) {
    var data = JSON.parse(root.querySelector(".twm-player-data").textContent), self = this;
    this.root = root;
    this.data = data;
    this.step = 0;
    this.playing = false;
    this.visible = true;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    var body = element("div", "twm-player-body", root), grid = element("div", "twm-player-grid", body);
    var words = element("p", "twm-player-hidden", body, data.alt);
    words.id = "twm-player-words-" + number;
    root.setAttribute("aria-describedby", words.id);
    this.panels = data.panels.map(function (panel) {
      var holder = element("div", "twm-player-panel", grid);
      element("p", "twm-player-title", holder, panel.title);
      if (panel.kind === "lines") addLegend(panel, holder);
      var canvas = element("canvas", "", holder);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", panel.title + "; vertical: " + panel.labels[0] + "; horizontal: " + panel.labels[1]);
      return panel.kind === "heat" ? new Heat(panel, canvas) : new Lines(panel, canvas);
    });
    this.caption = element("p", "twm-player-caption", body);
    this.addControls(body);
    root.classList.add("is-live");
    this.pause();
    this.watch(grid);
    /* What would play by itself stands at its middle where motion is not wanted: there is something to see there. */
    this.show(data.autoplay && this.calm.matches ? Math.floor(data.steps / 2) : 0);
    root.twmPlayer = { play: function () { self.play(); }, pause: function () { self.pause(); }, show: function (step) { self.show(step); } };
  }

  Player.prototype.addControls = function (body) {
    var self = this, bar = element("div", "twm-player-controls", body);
    this.back = addButton(bar, "back", "Previous step", function () { self.stepBy(-1); });
    this.toggle = addButton(bar, "play", "Play", function () { if (self.playing) self.pause(); else self.play(); });
    this.forward = addButton(bar, "forward", "Next step", function () { self.stepBy(1); });
    this.slider = element("input", "", bar);
    this.slider.type = "range";
    this.slider.min = 0;
    this.slider.max = this.data.steps - 1;
    this.slider.step = 1;
    this.slider.setAttribute("aria-label", "Step");
    this.slider.addEventListener("input", function () { self.pause(); self.show(Number(self.slider.value)); });
    this.count = element("span", "twm-player-count", bar);
    this.count.setAttribute("aria-hidden", "true");
  };

  Player.prototype.watch = function (grid) {
    var self = this, started = false;
    function redraw() { self.show(self.step); }
    if (window.ResizeObserver) new ResizeObserver(redraw).observe(grid);
    else window.addEventListener("resize", redraw);
    this.calm.addEventListener("change", function () { if (self.calm.matches) self.pause(); });
    if (!window.IntersectionObserver) return;
    new IntersectionObserver(function (entries) {
      self.visible = entries[entries.length - 1].isIntersecting;
      if (self.visible && self.data.autoplay && !started && !self.calm.matches) {
        started = true;
        self.play();
      }
    }, { threshold: 0.3 }).observe(grid);
  };

  Player.prototype.show = function (step) {
    this.step = Math.min(this.data.steps - 1, Math.max(0, step));
    var shown = this.step;
    this.panels.forEach(function (panel) { panel.draw(shown); });
    var text = this.data.captions[shown];
    if (this.caption.textContent !== text) this.caption.textContent = text;
    this.slider.value = shown;
    this.slider.setAttribute("aria-valuetext", "step " + (shown + 1) + " of " + this.data.steps);
    this.count.textContent = shown + 1 + " / " + this.data.steps;
  };

  Player.prototype.stepBy = function (by) {
    this.pause();
    this.show((this.step + by + this.data.steps) % this.data.steps);
  };

  /* While it plays the caption is not announced: several sentences a second would bury a screen reader. */
  Player.prototype.play = function () {
    var self = this, due = null;
    if (this.playing || this.data.steps < 2) return;
    this.playing = true;
    this.caption.setAttribute("aria-live", "off");
    setButton(this.toggle, "pause", "Pause");
    function tick(now) {
      if (!self.playing) return;
      if (due === null) due = now + 1000 / self.data.framesPerSecond;
      if (now >= due) {
        var next = (self.step + 1) % self.data.steps;
        if (self.visible) self.show(next);
        due = now + (next === self.data.steps - 1 ? 1500 : 1000 / self.data.framesPerSecond);
      }
      window.requestAnimationFrame(tick);
    }
    window.requestAnimationFrame(tick);
  };

  Player.prototype.pause = function () {
    this.playing = false;
    this.caption.setAttribute("aria-live", "polite");
    setButton(this.toggle, "play", "Play");
  };

  function define() {
    var style = element("style", "", document.head, CSS), mounted = 0;
    style.id = "twm-player-style";
    return {
      mount: function () {
        document.querySelectorAll(".twm-player:not(.is-live)").forEach(function (root) {
          if (root.querySelector(".twm-player-data")) new Player(root, (mounted += 1));
        });
      }
    };
  }

  /* Every animation on a page carries this script; the first one defines the player, each one mounts what is new. */
  if (!window.twmPlayers) window.twmPlayers = define();
  window.twmPlayers.mount();
  /* A notebook may run the script before it has put the output into the page. */
  window.setTimeout(window.twmPlayers.mount, 300);
})();
