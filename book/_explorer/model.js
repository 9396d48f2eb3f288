/* The explorer's networks and the wave that theory expects beside them. Float64 throughout; nothing here knows the page. */
(function () {
  "use strict";

  function decode(text) {
    var raw = window.atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    /* The numbers are little-endian, which a typed array need not be. */
    var view = new DataView(bytes.buffer), numbers = new Float64Array(bytes.length / 4);
    for (var k = 0; k < numbers.length; k += 1) numbers[k] = view.getFloat32(4 * k, true);
    return numbers;
  }

  /* matrix (rows, cols), row by row, times a column; added to `sum` where that is given. */
  function multiply(matrix, rows, cols, column, sum) {
    var result = sum || new Float64Array(rows);
    for (var r = 0, at = 0; r < rows; r += 1) {
      var total = 0;
      for (var c = 0; c < cols; c += 1, at += 1) total += matrix[at] * column[c];
      result[r] += total;
    }
    return result;
  }

  /* An Elman network h(t) = g(W h(t-1) + U u(t)), y(t) = R h(t), with the basis of its memories. */
  function Network(parts) {
    for (var key in parts) this[key] = parts[key];
    this.size = this.history * this.dim;
    this.rank = this.coordinates.length;
    this.column = new Int16Array(this.size).fill(-1);
    for (var k = 0; k < this.rank; k += 1) this.column[this.coordinates[k]] = k;
  }

  Network.prototype.step = function (state, input) {
    var next = multiply(this.recurrent, this.hidden, this.hidden, state);
    if (input) multiply(this.encoder, this.hidden, this.dim, input, next);
    if (this.activation === "tanh") for (var i = 0; i < this.hidden; i += 1) next[i] = Math.tanh(next[i]);
    return next;
  };

  Network.prototype.read = function (state) { return multiply(this.readout, this.dim, this.hidden, state); };

  /* What the dual basis reads: one number a place of the substrate, NaN where the task reads nothing. */
  Network.prototype.readSubstrate = function (state) {
    var read = multiply(this.dual_basis, this.rank, this.hidden, state), all = new Float64Array(this.size).fill(NaN);
    for (var k = 0; k < this.rank; k += 1) all[this.coordinates[k]] = read[k];
    return all;
  };

  /* Write values into places of the substrate and into nothing else: h + Psi (wanted - read). */
  Network.prototype.write = function (state, wanted) {
    var read = this.readSubstrate(state), next = Float64Array.from(state), self = this;
    wanted.forEach(function (pair) {
      var k = self.column[pair[0]];
      if (k < 0) return;
      var by = pair[1] - read[pair[0]];
      for (var i = 0; i < self.hidden; i += 1) next[i] += by * self.basis[i * self.rank + k];
    });
    return next;
  };

  function unpackTrained(data, parts) {
    var numbers = decode(data.numbers), rank = data.coordinates.length, at = 0;
    var sizes = {
      recurrent: data.hidden * data.hidden, encoder: data.hidden * data.dim, readout: data.hidden * data.dim,
      basis: data.hidden * rank, dual_basis: data.hidden * rank
    };
    var unpacked = { raw: true };
    for (var key in data) if (key !== "numbers") unpacked[key] = data[key];
    parts.forEach(function (part) {
      unpacked[part] = numbers.subarray(at, at + sizes[part]);
      at += sizes[part];
    });
    return new Network(unpacked);
  }

  /* W = Psi Phi Psi^T, U = Psi_s, R = Psi_s^T in an orthonormal basis: Phi shifts by one column, its last rows are f. */
  function construct(like, basisData) {
    var hidden = basisData.hidden, wide = basisData.columns, all = decode(basisData.basis);
    var dim = like.dim, size = like.history * dim, psi = new Float64Array(hidden * size), i, j;
    var dual = new Float64Array(size * hidden), recurrent = new Float64Array(hidden * hidden);
    for (i = 0; i < hidden; i += 1) {
      for (j = 0; j < size; j += 1) psi[i * size + j] = dual[j * hidden + i] = all[i * wide + j];
    }
    for (var row = 0; row < size; row += 1) {
      var boundary = row - (size - dim), from = boundary < 0 ? row + dim : like.positions[boundary];
      var sign = boundary < 0 ? 1 : like.signs[boundary];
      for (i = 0; i < hidden; i += 1) {
        var left = sign * psi[i * size + row];
        for (j = 0; j < hidden; j += 1) recurrent[i * hidden + j] += left * dual[from * hidden + j];
      }
    }
    var encoder = new Float64Array(hidden * dim), coordinates = [];
    for (i = 0; i < hidden; i += 1) {
      for (j = 0; j < dim; j += 1) encoder[i * dim + j] = psi[i * size + size - dim + j];
    }
    for (j = 0; j < size; j += 1) coordinates.push(j);
    return new Network({
      name: like.name, task: like.task, history: like.history, dim: dim, hidden: hidden, activation: "linear", raw: false,
      positions: like.positions, signs: like.signs, coordinates: coordinates,
      recurrent: recurrent, encoder: encoder, readout: dual.slice((size - dim) * hidden), basis: psi, dual_basis: dual
    });
  }

  /*
   * A network on its way, the wave of theory beside it. Every step is kept, so that one can step back; an overwriting
   * forgets what came after. `source` says for each place of the substrate whose content it holds: plus or minus one
   * more than the number of the input's component, 0 for none. Places with one source are copies of one memory. `edited`
   * has the sources whose content is no longer what entered.
   */
  function Run(network, picture) {
    this.network = network;
    this.picture = picture;
    var size = network.size;
    this.tape = [{
      state: new Float64Array(network.hidden), wave: new Float64Array(size), source: new Int16Array(size),
      output: null, expected: null, right: 0, counted: 0, edited: {}
    }];
  }

  Run.prototype.last = function () { return this.tape.length - 1; };

  Run.prototype.forward = function () {
    var net = this.network, dim = net.dim, size = net.size, time = this.last(), old = this.tape[time], input = null;
    var wave = new Float64Array(size), source = new Int16Array(size), j;
    wave.set(old.wave.subarray(dim));
    source.set(old.source.subarray(dim));
    for (j = 0; j < dim; j += 1) {
      var at = size - dim + j, written = net.signs[j] * old.wave[net.positions[j]];
      if (time < net.history) {
        if (!input) input = new Float64Array(dim);
        wave[at] = this.picture[time * dim + j];
        source[at] = time * dim + j + 1;
        /* What the boundary adds by itself is taken off beforehand, for networks that have not learnt to allow for it. */
        input[j] = wave[at] - (net.raw ? 0 : written);
      } else {
        wave[at] = written;
        source[at] = net.signs[j] * old.source[net.positions[j]];
      }
    }
    var state = net.step(old.state, input), output = net.read(state), expected = wave.slice(size - dim);
    var right = 0, counts = time >= net.history;
    for (j = 0; j < dim; j += 1) right += output[j] > 0 === expected[j] > 0 ? 1 : 0;
    this.tape.push({
      state: state, wave: wave, source: source, output: output, expected: expected, edited: old.edited,
      /* Outputs with the sign that theory expects, of all so far; only the output phase counts. */
      right: old.right + (counts ? right : 0), counted: old.counted + (counts ? dim : 0)
    });
  };

  /* Whether a place holds, at a time, what was written into it rather than what entered. */
  Run.prototype.isEdited = function (time, place) {
    var item = this.tape[time];
    return item.source[place] !== 0 && item.edited[Math.abs(item.source[place])] === true;
  };

  /* All places that hold the same content as one, with the sign it has there. */
  Run.prototype.findCopies = function (time, place) {
    var source = this.tape[time].source, asked = source[place], found = [];
    for (var k = 0; k < source.length; k += 1) {
      if (asked !== 0 && Math.abs(source[k]) === Math.abs(asked)) found.push([k, source[k] === asked ? 1 : -1]);
    }
    return found;
  };

  /* Overwrite places ([place, value], ...) at a time; what lay after it is gone. */
  Run.prototype.overwrite = function (time, changes) {
    var self = this, old = this.tape[time], wanted = new Map();
    changes.forEach(function (change) {
      self.findCopies(time, change[0]).forEach(function (copy) { wanted.set(copy[0], copy[1] * change[1]); });
    });
    wanted.forEach(function (value, place) { if (value === old.wave[place]) wanted.delete(place); });
    var pairs = Array.from(wanted), wave = Float64Array.from(old.wave), edited = Object.assign({}, old.edited);
    pairs.forEach(function (pair) {
      var from = old.source[pair[0]], entered = this.picture[Math.abs(from) - 1] * (from < 0 ? -1 : 1);
      wave[pair[0]] = pair[1];
      edited[Math.abs(from)] = pair[1] !== entered;
    }, this);
    this.tape.length = time;
    this.tape.push(Object.assign({}, old, { state: this.network.write(old.state, pairs), wave: wave, edited: edited }));
    return pairs.length;
  };

  window.twmExplorerModel = { unpackTrained: unpackTrained, construct: construct, Run: Run, Network: Network };
})();
