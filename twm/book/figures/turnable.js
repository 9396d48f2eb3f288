/* Clouds of points that a reader can turn: by dragging, by arrow keys, by buttons. No library, no request, no state kept. */
(function () {
  "use strict";
  var INK = "#222222", FONT = "12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
  var CSS =
    ".twm-turnable{background:#fff;color:#222;color-scheme:light;border:1px solid #c4c4c4;border-radius:8px;" +
    "padding:.75rem;margin:1rem 0;max-width:100%;box-sizing:border-box;overflow:hidden}" +
    ".twm-turnable *{box-sizing:border-box}" +
    ".twm-turnable-title{font-weight:600;font-size:.95rem;line-height:1.3;margin:0 0 .25rem;color:#222}" +
    ".twm-turnable canvas{display:block;width:100%;max-width:620px;margin:0 auto;cursor:grab;touch-action:pan-y;border-radius:6px}" +
    ".twm-turnable canvas.is-held{cursor:grabbing}" +
    ".twm-turnable-controls{display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:.4rem;margin-top:.5rem}" +
    ".twm-turnable-controls button{min-width:40px;height:40px;padding:0 .6rem;border:1px solid #767676;border-radius:6px;" +
    "background:#f4f4f4;color:#222;font-size:1rem;line-height:1;cursor:pointer}" +
    ".twm-turnable-controls button:hover{background:#e4e4e4}" +
    ".twm-turnable button:focus-visible,.twm-turnable canvas:focus-visible{outline:3px solid #0057b8;outline-offset:2px}" +
    ".twm-turnable-hint{font-size:.85rem;color:#222;margin:.4rem 0 0;text-align:center}" +
    ".twm-turnable-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}" +
    ".twm-turnable.is-live{position:relative}.twm-turnable.is-live>.twm-turnable-still{display:none}" +
    "@media print{.twm-turnable.is-live>.twm-turnable-still{display:block;max-width:100%}" +
    ".twm-turnable.is-live>.twm-turnable-body{display:none}}";

  function element(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  /* Coordinates between -1 and 1 from 16-bit levels, the low byte first. */
  function decode(text) {
    var raw = window.atob(text), values = new Float32Array(raw.length / 2);
    for (var i = 0; i < values.length; i += 1) {
      values[i] = (raw.charCodeAt(2 * i) + 256 * raw.charCodeAt(2 * i + 1)) / 65535 * 2 - 1;
    }
    return values;
  }

  function Turnable(root, number) {
    var data = JSON.parse(root.querySelector(".twm-turnable-data").textContent), self = this;
    this.root = root;
    this.data = data;
    this.clouds = data.clouds.map(function (cloud) { return decode(cloud.points); });
    this.paths = data.paths.map(function (path) { return decode(path.points); });
    var body = element("div", "twm-turnable-body", root);
    element("p", "twm-turnable-title", body, data.title);
    var words = element("p", "twm-turnable-hidden", body, data.alt);
    words.id = "twm-turnable-words-" + number;
    this.canvas = element("canvas", "", body);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", data.title);
    this.canvas.setAttribute("aria-describedby", words.id);
    this.addControls(body);
    this.listen();
    root.classList.add("is-live");
    this.reset();
    if (window.ResizeObserver) new ResizeObserver(function () { self.draw(); }).observe(this.canvas.parentNode);
    else window.addEventListener("resize", function () { self.draw(); });
    root.twmTurnable = { view: function () { return [self.azimuth, self.elevation, self.zoom]; } };
  }

  Turnable.prototype.reset = function () {
    this.azimuth = this.data.view[0];
    this.elevation = this.data.view[1];
    this.zoom = 1;
    this.draw();
  };

  Turnable.prototype.turn = function (around, up, closer) {
    this.azimuth = (this.azimuth + around + 360) % 360;
    this.elevation = Math.max(-90, Math.min(90, this.elevation + up));
    this.zoom = Math.max(0.5, Math.min(3, this.zoom * (closer || 1)));
    this.draw();
  };

  Turnable.prototype.addControls = function (body) {
    var self = this, bar = element("div", "twm-turnable-controls", body);
    function add(sign, label, action) {
      var button = element("button", "", bar, sign);
      button.type = "button";
      button.setAttribute("aria-label", label);
      button.title = label;
      button.addEventListener("click", action);
    }
    add("\u2190", "Turn left", function () { self.turn(-15, 0); });
    add("\u2192", "Turn right", function () { self.turn(15, 0); });
    add("\u2191", "See it more from above", function () { self.turn(0, 15); });
    add("\u2193", "See it more from below", function () { self.turn(0, -15); });
    add("+", "Closer", function () { self.turn(0, 0, 1.2); });
    add("\u2212", "Farther", function () { self.turn(0, 0, 1 / 1.2); });
    add("Reset", "Back to the first view", function () { self.reset(); });
    element("p", "twm-turnable-hint", body, "Turn it by dragging, with the buttons, or with the arrow keys.");
  };

  Turnable.prototype.listen = function () {
    var self = this, canvas = this.canvas, held = null;
    var keys = {
      ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5], "+": [0, 0, 1.1], "-": [0, 0, 1 / 1.1]
    };
    canvas.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Home") self.reset();
      else if (keys[event.key]) self.turn.apply(self, keys[event.key]);
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("pointerdown", function (event) {
      held = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add("is-held");
    });
    canvas.addEventListener("pointermove", function (event) {
      if (!held) return;
      self.turn(0.5 * (event.clientX - held[0]), 0.5 * (event.clientY - held[1]));
      held = [event.clientX, event.clientY];
    });
    function release() {
      held = null;
      canvas.classList.remove("is-held");
    }
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
  };

  /* The same turn as in the still picture: right, up, towards the reader. */
  Turnable.prototype.makeView = function () {
    var turn = this.azimuth * Math.PI / 180, lift = this.elevation * Math.PI / 180;
    var ca = Math.cos(turn), sa = Math.sin(turn), ce = Math.cos(lift), se = Math.sin(lift);
    return function (x, y, z) {
      var away = sa * x + ca * y;
      return [ca * x - sa * y, ce * z + se * away, se * z - ce * away];
    };
  };

  Turnable.prototype.draw = function () {
    var width = Math.min(620, this.canvas.parentNode.clientWidth), height = Math.round(0.82 * width), self = this;
    if (!width) return;
    var dense = window.devicePixelRatio || 1, canvas = this.canvas;
    canvas.style.height = height + "px";
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    var pen = canvas.getContext("2d"), size = 0.3 * width * this.zoom, view = this.makeView();
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, width, height);
    pen.font = "bold " + FONT;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    function toPage(seen) { return [width / 2 + size * seen[0], height / 2 - size * seen[1]]; }
    pen.strokeStyle = "#999999";
    this.paths.forEach(function (values) {
      pen.beginPath();
      for (var i = 0; i < values.length; i += 3) {
        var place = toPage(view(values[i], values[i + 1], values[i + 2]));
        pen.lineTo(place[0], place[1]);
      }
      pen.stroke();
    });
    this.drawPoints(pen, view, toPage);
    this.data.clouds.forEach(function (cloud) {
      var seen = view(cloud.centre[0], cloud.centre[1], cloud.centre[2]), place = toPage(seen);
      /* Outward of the cloud, so that the name does not hide it. */
      var away = Math.sqrt(seen[0] * seen[0] + seen[1] * seen[1]) || 1;
      var x = place[0] + 26 * seen[0] / away, y = place[1] - 20 * seen[1] / away;
      var wide = pen.measureText(cloud.name).width + 6;
      pen.fillStyle = "rgba(255,255,255,.75)";
      pen.fillRect(x - wide / 2, y - 8, wide, 16);
      pen.fillStyle = cloud.colour;
      pen.fillText(cloud.name, x, y);
    });
    this.drawAxes(pen, view, width, height);
    canvas.setAttribute("aria-label", this.data.title + ", seen from " + Math.round(self.azimuth) + " degrees around and " +
      Math.round(self.elevation) + " degrees above");
  };

  /* Points that are nearer are drawn later, larger and darker. */
  Turnable.prototype.drawPoints = function (pen, view, toPage) {
    var all = [], clouds = this.data.clouds;
    this.clouds.forEach(function (values, index) {
      for (var i = 0; i < values.length; i += 3) {
        var seen = view(values[i], values[i + 1], values[i + 2]), place = toPage(seen);
        all.push([seen[2], place[0], place[1], index]);
      }
    });
    all.sort(function (a, b) { return a[0] - b[0]; });
    all.forEach(function (point) {
      var near = Math.max(0, Math.min(1, (point[0] + 1.2) / 2.4));
      pen.globalAlpha = 0.35 + 0.5 * near;
      pen.fillStyle = clouds[point[3]].colour;
      pen.beginPath();
      pen.arc(point[1], point[2], 1 + 1.2 * near, 0, 2 * Math.PI);
      pen.fill();
    });
    pen.globalAlpha = 1;
  };

  Turnable.prototype.drawAxes = function (pen, view, width, height) {
    var corner = [46, height - 46], length = 30;
    pen.strokeStyle = INK;
    pen.fillStyle = INK;
    this.data.axes.forEach(function (name, axis) {
      var seen = view(axis === 0 ? 1 : 0, axis === 1 ? 1 : 0, axis === 2 ? 1 : 0);
      pen.beginPath();
      pen.moveTo(corner[0], corner[1]);
      pen.lineTo(corner[0] + length * seen[0], corner[1] - length * seen[1]);
      pen.stroke();
      pen.fillText(name, corner[0] + 1.35 * length * seen[0], corner[1] - 1.35 * length * seen[1]);
    });
  };

  function define() {
    var style = element("style", "", document.head, CSS), mounted = 0;
    style.id = "twm-turnable-style";
    return {
      mount: function () {
        document.querySelectorAll(".twm-turnable:not(.is-live)").forEach(function (root) {
          if (root.querySelector(".twm-turnable-data")) new Turnable(root, (mounted += 1));
        });
      }
    };
  }

  /* Every picture on a page carries this script; the first one defines it, each one mounts what is new. */
  if (!window.twmTurnables) window.twmTurnables = define();
  window.twmTurnables.mount();
  /* A notebook may run the script before it has put the output into the page. */
  window.setTimeout(window.twmTurnables.mount, 300);
})();
