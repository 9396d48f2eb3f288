/* Wave or register in a recording of the reader's own: an .npz is read and decoded here, and leaves this page for nowhere. */
(function () {
  "use strict";
  var panels = window.twmExplorerPanels, element = panels.element;
  /* Larger recordings are thinned to this; `twm probe` takes them whole. */
  var MOST = { steps: 40, trials: 240, units: 256, dims: 6 }, SAMPLES = 12, SHUFFLES = 19, READABLE = 0.5;
  var RIDGES = [1e-4, 1e-3, 1e-2, 1e-1, 1];

  function complain(text) { throw new Error(text); }

  /* ---- files: a zip of .npy arrays, stored or deflated */

  function readEntries(buffer) {
    var view = new DataView(buffer), end = buffer.byteLength - 22, entries = {}, at, k;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
    if (end < 0) complain("This file is no .npz: save it with numpy.savez.");
    at = view.getUint32(end + 16, true);
    for (k = view.getUint16(end + 10, true); k > 0; k -= 1) {
      var name = new TextDecoder().decode(new Uint8Array(buffer, at + 46, view.getUint16(at + 28, true)));
      var local = view.getUint32(at + 42, true), start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      entries[name.replace(/\.npy$/, "")] = { method: view.getUint16(at + 10, true), start: start, size: view.getUint32(at + 20, true) };
      at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return entries;
  }

  function unpack(buffer, entry) {
    var raw = buffer.slice(entry.start, entry.start + entry.size);
    if (entry.method === 0) return Promise.resolve(raw);
    if (!window.DecompressionStream) complain("This browser cannot unpack it: save it with numpy.savez, without compression.");
    return new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
  }

  function readHalf(view, at) {
    var bits = view.getUint16(at, true), power = (bits >> 10) & 31, rest = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (power === 31) return rest ? NaN : sign * Infinity;
    return sign * (power ? Math.pow(2, power - 15) * (1 + rest / 1024) : Math.pow(2, -14) * rest / 1024);
  }

  var KINDS = {
    f2: [2, readHalf], f4: [4, function (v, at) { return v.getFloat32(at, true); }], f8: [8, function (v, at) { return v.getFloat64(at, true); }],
    i1: [1, function (v, at) { return v.getInt8(at); }], i2: [2, function (v, at) { return v.getInt16(at, true); }],
    i4: [4, function (v, at) { return v.getInt32(at, true); }], i8: [8, function (v, at) { return Number(v.getBigInt64(at, true)); }],
    u1: [1, function (v, at) { return v.getUint8(at); }], b1: [1, function (v, at) { return v.getUint8(at); }]
  };

  function readArray(buffer, name) {
    var view = new DataView(buffer), long = view.getUint8(6) > 1, skip = long ? 12 : 10;
    var size = long ? view.getUint32(8, true) : view.getUint16(8, true), head = new TextDecoder().decode(new Uint8Array(buffer, skip, size));
    var kind = (/'descr': '([<|=>])(\w+)'/.exec(head) || []), shape = (/'shape': \(([^)]*)\)/.exec(head)[1].match(/\d+/g) || []).map(Number);
    if (!KINDS[kind[2]] || kind[1] === ">") complain(name + " must hold plain numbers, as float32 or int64.");
    if (/'fortran_order': True/.test(head)) complain(name + " is stored column by column: save numpy.ascontiguousarray(" + name + ").");
    var read = KINDS[kind[2]], values = new Float64Array(shape.reduce(function (a, b) { return a * b; }, 1));
    for (var k = 0, at = skip + size; k < values.length; k += 1, at += read[0]) {
      values[k] = read[1](view, at);
      if (!isFinite(values[k])) complain(name + " holds NaN or infinite numbers.");
    }
    return { shape: shape, values: values };
  }

  function load(buffer) {
    var entries = readEntries(buffer), names = ["states", "items"];
    names.forEach(function (name) { if (!entries[name]) complain("There is no array " + name + "; the file has " + (Object.keys(entries).join(", ") || "none") + "."); });
    return Promise.all(names.map(function (name) {
      return Promise.resolve(unpack(buffer, entries[name])).then(function (raw) { return readArray(raw, name); });
    })).then(function (found) { return prepare(found[0], found[1]); });
  }

  /* Take at most MOST of everything, evenly; items have variance one in every dimension. */
  function prepare(states, items) {
    var s = states.shape, timed = items.shape.length === 3, trials = s[1];
    if (s.length !== 3) complain("states must be (time, trials, units), not " + s.length + " axes.");
    if (items.shape.length < 2 || items.shape[timed ? 1 : 0] !== trials || (timed && items.shape[0] !== s[0])) complain("items must be (trials, dims) or (time, trials, dims), with " + trials + " trials.");
    if (trials < 20) complain("At least 20 trials are needed; there are " + trials + ".");
    function choose(count, most) {
      var chosen = [], k;
      for (k = 0; k < Math.min(count, most); k += 1) chosen.push(Math.floor((k + 0.5) * count / Math.min(count, most)));
      return chosen;
    }
    var T = choose(s[0], MOST.steps), B = choose(trials, MOST.trials), N = choose(s[2], MOST.units), width = items.shape[timed ? 2 : 1], D = choose(width, MOST.dims);
    var X = T.map(function (t) {
      return B.map(function (b) { return Float64Array.from(N, function (n) { return states.values[(t * trials + b) * s[2] + n]; }); });
    });
    var Y = T.map(function (t) {
      var rows = B.map(function (b) { return Float64Array.from(D, function (d) { return items.values[((timed ? t * trials : 0) + b) * width + d]; }); });
      D.forEach(function (_, d) {
        var mean = rows.reduce(function (sum, row) { return sum + row[d]; }, 0) / rows.length;
        var spread = Math.sqrt(rows.reduce(function (sum, row) { return sum + Math.pow(row[d] - mean, 2); }, 0) / rows.length);
        rows.forEach(function (row) { row[d] = spread > 0 ? (row[d] - mean) / spread : 0; });
      });
      return rows;
    });
    return { X: X, Y: Y, times: T, steps: s[0], trials: trials, units: s[2] };
  }

  /* ---- the measure of twm.analysis.decoding, with fewer resamples */

  /* Ridge decoders of one bootstrap sample of trials, and the trials that it lacks. */
  function draw(count, random) {
    var counts = new Uint16Array(count), used = [], left = [];
    for (var k = 0; k < count; k += 1) counts[Math.floor(random() * count)] += 1;
    counts.forEach(function (c, b) { (c ? used : left).push(b); });
    return { counts: counts, used: used, left: left, total: count };
  }

  function train(x, y, sample, ridge) {
    var m = sample.used.length, units = x[0].length, dims = y[0].length, mx = new Float64Array(units), my = new Float64Array(dims), i, j, k, d;
    var share = sample.used.map(function (b) { return sample.counts[b] / sample.total; });
    sample.used.forEach(function (b, i2) {
      for (k = 0; k < units; k += 1) mx[k] += share[i2] * x[b][k];
      for (d = 0; d < dims; d += 1) my[d] += share[i2] * y[b][d];
    });
    var rows = sample.used.map(function (b, i2) { return x[b].map(function (v, n) { return Math.sqrt(share[i2]) * (v - mx[n]); }); });
    var wanted = sample.used.map(function (b, i2) { return Float64Array.from(y[b], function (v, n) { return Math.sqrt(share[i2]) * (v - my[n]); }); });
    var gram = rows.map(function () { return new Float64Array(m); }), trace = 0;
    for (i = 0; i < m; i += 1) for (j = 0; j <= i; j += 1) {
      var sum = 0;
      for (k = 0; k < units; k += 1) sum += rows[i][k] * rows[j][k];
      gram[i][j] = sum;
      if (i === j) trace += sum;
    }
    for (i = 0; i < m; i += 1) gram[i][i] += ridge * trace + 1e-300;
    solve(gram, wanted);
    var W = Array.from({ length: dims }, function () { return new Float64Array(units); }), offset = Float64Array.from(my);
    for (i = 0; i < m; i += 1) for (d = 0; d < dims; d += 1) for (k = 0; k < units; k += 1) W[d][k] += rows[i][k] * wanted[i][d];
    for (d = 0; d < dims; d += 1) for (k = 0; k < units; k += 1) offset[d] -= mx[k] * W[d][k];
    return { W: W, offset: offset };
  }

  /* Cholesky's way, in place: the lower triangle of `gram` and the right sides `b`, row by row. */
  function solve(gram, b) {
    var n = gram.length, i, j, k;
    for (i = 0; i < n; i += 1) for (j = 0; j <= i; j += 1) {
      var sum = gram[i][j];
      for (k = 0; k < j; k += 1) sum -= gram[i][k] * gram[j][k];
      gram[i][j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / gram[j][j];
    }
    b[0].forEach(function (_, d) {
      for (i = 0; i < n; i += 1) {
        for (k = 0; k < i; k += 1) b[i][d] -= gram[i][k] * b[k][d];
        b[i][d] /= gram[i][i];
      }
      for (i = n - 1; i >= 0; i -= 1) {
        for (k = i + 1; k < n; k += 1) b[i][d] -= gram[k][i] * b[k][d];
        b[i][d] /= gram[i][i];
      }
    });
  }

  /* How much a decoder's answer at a step changes when the item changes by one, over the trials left out; and its errors. */
  function test(decoder, x, y, sample) {
    var covaried = 0, error = 0, total = 0, dims = y[0].length, count = sample.left.length;
    for (var d = 0; d < dims; d += 1) {
      var mean = 0;
      sample.left.forEach(function (b) { mean += y[b][d] / count; });
      sample.left.forEach(function (b) {
        var answer = decoder.offset[d], w = decoder.W[d], row = x[b];
        for (var k = 0; k < w.length; k += 1) answer += w[k] * row[k];
        covaried += answer * (y[b][d] - mean);
        error += Math.pow(answer - y[b][d], 2);
      });
      for (var a = 0; a < y.length; a += 1) total += y[a][d] * y[a][d] * count / y.length;
    }
    return { gain: covaried / total, error: error };
  }

  function summarise(gain) {
    var own = gain.map(function (row, t) { return row[t]; }), best = Math.max.apply(null, own);
    var readable = own.map(function (_, t) { return t; }).filter(function (t) { return own[t] >= READABLE * best; }), moved = [];
    readable.forEach(function (t, place) {
      var later = readable.slice(place + 1).map(function (u) {
        return Math.min(gain[t][u], gain[u][t]) > 0 ? Math.min(1, gain[t][u] * gain[u][t] / (own[t] * own[u] + 1e-300)) : 0;
      }).sort(function (a, b) { return a - b; });
      if (later.length) moved.push(1 - later[Math.floor((later.length - 1) / 2)]);
    });
    return { movement: moved.length ? moved.reduce(function (a, b) { return a + b; }, 0) / moved.length : null, span: readable.length, best: best };
  }

  function interval(value, samples) {
    var known = samples.filter(function (v) { return v !== null; }).sort(function (a, b) { return a - b; });
    function quantile(q) { return known[Math.min(known.length - 1, Math.max(0, Math.round(q * (known.length - 1))))]; }
    return value === null || !known.length ? null : [value, Math.max(0, value - quantile(0.5) + quantile(0)), value - quantile(0.5) + quantile(1)];
  }

  function makeRandom() {
    var state = 12345;
    return function () {
      state = (state + 0x6D2B79F5) | 0;
      var t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffle(rows, random) {
    var mixed = rows.slice();
    for (var k = mixed.length - 1; k > 0; k -= 1) {
      var other = Math.floor(random() * (k + 1)), held = mixed[k];
      mixed[k] = mixed[other];
      mixed[other] = held;
    }
    return mixed;
  }

  /* Work off a list of tasks without holding up the page. */
  function work(tasks, tell) {
    return new Promise(function (resolve, reject) {
      (function next(k) {
        if (k === tasks.length) { resolve(); return; }
        tell(k / tasks.length);
        window.setTimeout(function () { try { tasks[k](); } catch (error) { reject(error); return; } next(k + 1); }, 0);
      })(0);
    });
  }

  function probe(data, tell) {
    var random = makeRandom(), count = data.X[0].length, T = data.X.length, ridge = RIDGES[0], least = Infinity, chance = 0, found = [], tasks = [];
    function own(t, y, sample) { return test(train(data.X[t], y, sample, ridge), data.X[t], y, sample).gain; }
    tasks.push(function () {
      RIDGES.forEach(function (each) {
        var sample = draw(count, makeRandom()), error = 0;
        for (var t = 0; t < T; t += Math.max(1, Math.floor(T / 8))) error += test(train(data.X[t], data.Y[t], sample, each), data.X[t], data.Y[t], sample).error;
        if (error < least) { least = error; ridge = each; }
      });
    });
    for (var s = 0; s < SHUFFLES; s += 1) tasks.push(function () {
      var order = shuffle(data.Y[0].map(function (_, b) { return b; }), random), sample = draw(count, random);
      for (var t = 0; t < T; t += Math.max(1, Math.floor(T / 8))) chance = Math.max(chance, own(t, order.map(function (b) { return data.Y[t][b]; }), sample));
    });
    for (s = 0; s < SAMPLES; s += 1) tasks.push(function () {
      var sample = draw(count, random);
      found.push(data.X.map(function (x, t) {
        var decoder = train(x, data.Y[t], sample, ridge);
        return data.X.map(function (other, u) { return test(decoder, other, data.Y[u], sample).gain; });
      }));
    });
    return work(tasks, tell).then(function () {
      var mean = found[0].map(function (row, t) { return row.map(function (_, u) { return found.reduce(function (sum, one) { return sum + one[t][u] / found.length; }, 0); }); });
      var all = summarise(mean), each = found.map(summarise), step = data.steps / T;
      var readable = all.best > chance;
      return {
        gain: mean, readable: readable, best: all.best, chance: chance,
        movement: readable ? interval(all.movement, each.map(function (e) { return e.movement; })) : null,
        span: readable ? interval(all.span, each.map(function (e) { return e.span; })).map(function (v) { return v * step; }) : [0, 0, 0]
      };
    });
  }

  /* ---- the page */

  function Probe(root) {
    var self = this, zone = element("label", "twm-x-drop", root, "Drop an .npz here, or choose one: ");
    this.input = element("input", "", zone);
    this.input.type = "file";
    this.input.accept = ".npz";
    this.status = element("p", "twm-x-status", root, "The file is read in this page and sent nowhere.");
    this.status.setAttribute("role", "status");
    this.root = root;
    this.input.addEventListener("change", function () { if (self.input.files[0]) self.open(self.input.files[0]); });
    ["dragover", "drop"].forEach(function (kind) {
      zone.addEventListener(kind, function (event) {
        event.preventDefault();
        if (kind === "drop" && event.dataTransfer.files[0]) self.open(event.dataTransfer.files[0]);
      });
    });
  }

  Probe.prototype.open = function (file) {
    var self = this, data;
    return file.arrayBuffer().then(load).then(function (read) {
      data = read;
      return probe(data, function (share) { self.status.textContent = "Decoding: " + Math.round(100 * share) + "%."; });
    }).then(function (found) { self.show(data, found); }).catch(function (error) { self.status.textContent = error.message; });
  };

  Probe.prototype.show = function (data, found) {
    var T = data.times, self = this;
    function tell(numbers) { return numbers[0].toFixed(2) + " (" + numbers[1].toFixed(2) + " to " + numbers[2].toFixed(2) + ")"; }
    this.found = found;
    this.status.textContent = !found.readable ? "The item cannot be read: the best decoder is no better than those of shuffled items."
      : "Movement " + (found.movement ? tell(found.movement) : "none") + ", where 0 is a register and 1 a wave. Span " + tell(found.span) + " of " + data.steps + " steps.";
    if (this.panel) this.panel.canvas.parentNode.remove();
    this.panel = new panels.Panel(this.root, "Decoder trained at a step (row) and tested at another (column)", "Red: the item is read. White: it is not.", {
      rows: function () { return T.length; }, cols: function () { return T.length; }, limit: function () { return Math.max(found.best, 1e-9); }, least: 6, tallest: function () { return 12; },
      value: function (r, c) { return found.gain[r][c]; },
      name: function (r, c) { return "Trained at step " + (T[r] + 1) + ", tested at step " + (T[c] + 1) + ": gain " + found.gain[r][c].toFixed(2).replace("-", "\u2212") + "."; }
    });
    this.panel.draw();
    if (window.ResizeObserver) new ResizeObserver(function () { self.panel.draw(); }).observe(this.root);
  };

  document.querySelectorAll(".twm-probe").forEach(function (root) { root.twmProbe = new Probe(root); });
})();
