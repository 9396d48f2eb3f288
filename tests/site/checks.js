// What the tests of the site ask of a page, from inside it. Every function returns plain data.
window.twmChecks = {};

// The contrast of every text in the page's main column against what is painted behind it. Axe asks
// the same of every point of every letter, which takes it ten seconds and more for a long page.
twmChecks.findFaintText = () => {
  const parse = (text) => {
    const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    c.clearRect(0, 0, 1, 1); c.fillStyle = text; c.fillRect(0, 0, 1, 1);
    const d = c.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const cache = {}, colour = (text) => cache[text] || (cache[text] = parse(text));
  const over = (top, under) => [0, 1, 2].map(k => top[k] * top[3] + under[k] * (1 - top[3]));
  const light = (c) => {
    const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      const c = colour(getComputedStyle(p).backgroundColor);
      layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const faint = [], seen = new Set();
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(e)) continue;
    seen.add(e);
    if (e.closest('script, style, noscript, mjx-assistive-mml, svg, .headerlink, .copybtn, [aria-hidden=true]')) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (box.width < 2 || box.height < 2 || style.visibility === 'hidden') continue;
    let shown = 1;
    for (let p = e; p; p = p.parentElement) shown *= Number(getComputedStyle(p).opacity);
    if (shown === 0) continue;
    const back = behind(e), ink = colour(style.color), front = over([ink[0], ink[1], ink[2], ink[3] * shown], back);
    const a = light(front), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(ratio.toFixed(2) + ' ' + e.tagName + '.' + e.getAttribute('class') + ': ' + e.textContent.trim().slice(0, 40));
  }
  return seen.size > 3 ? faint : [...faint, 'no text to check'];
};

// What axe-core finds wrong by WCAG 2.1 AA. Formulas are pictures to axe: their hundreds of paths take most of its time and hold
// nothing that it judges; and it need not load the style sheets again, which it does to no end here.
twmChecks.judge = async contrast => {
  const found = await axe.run({exclude: [['mjx-container > svg']]}, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], rules: {'color-contrast': {enabled: contrast}},
    resultTypes: ['violations'], preload: false});
  return found.violations.map(v => v.id + ' x' + v.nodes.length + ': ' + v.nodes[0].html.slice(0, 160));
};

// Every formula that Sphinx wrote must have become a picture of MathJax, without an error inside.
twmChecks.countFormulas = () => ({
  written: document.querySelectorAll('.math').length,
  typeset: [...document.querySelectorAll('.math')].filter(m => m.querySelector('mjx-container')).length,
  broken: document.querySelectorAll('mjx-merror, [data-mml-node="merror"]').length,
});

// Images without words.
// A phone's panels repeat a picture that has words, and so have none.
twmChecks.findImagesWithoutAlt = () => [...document.images].filter(i => !(i.getAttribute('alt') || '').trim() && !(i.closest('.twm-stack') && i.closest('figure').querySelector('img:not(.twm-stack img)').alt.trim())).map(i => i.src.slice(0, 80));

// Marks of the source that no parser took: a role in a table whose bar ended the cell.
twmChecks.findMarkup = () => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent;
    if (/\{(value|claim|cite)[:}]|`/.test(text) && !walker.currentNode.parentElement.closest('code, pre, script, style, mjx-container')) found.push(text.trim().slice(0, 60));
  }
  return found;
};

// What sticks out to the right of the window, unless some parent scrolls it or cuts it off.
twmChecks.findOverflow = () => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide + 1) found.push('the page itself: ' + document.documentElement.scrollWidth + ' px');
  // A drawer that waits beside the window is fixed to it and widens nothing.
  const contained = (e) => {
    for (let p = e; p; p = p.parentElement) if (getComputedStyle(p).position === 'fixed') return true;
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    }
    return false;
  };
  for (const e of document.querySelectorAll('main *:not(mjx-container *)')) {
    const box = e.getBoundingClientRect();
    if (!e.checkVisibility({visibilityProperty: true})) continue;
    if (box.width > 1 && box.right > wide + 1 && !contained(e)) found.push(e.tagName + '.' + e.getAttribute('class') + ' to ' + Math.round(box.right));
  }
  return found;
};

// A page's player as it stands.
twmChecks.readPlayer = number => {
  const root = document.querySelectorAll('.twm-player')[number];
  const slider = root.querySelector('input'), canvas = root.querySelector('.twm-player-panel:last-child canvas');
  return {step: Number(slider.value), last: Number(slider.max), text: slider.getAttribute('aria-valuetext'),
          caption: root.querySelector('.twm-player-caption').textContent,
          live: root.querySelector('.twm-player-caption').getAttribute('aria-live'),
          picture: canvas.toDataURL(), button: root.querySelectorAll('button')[1].getAttribute('aria-label')};
};

// Cells of the player whose colour on the canvas is not the one that the library gave to their value.
twmChecks.findWrongCells = () => {
  const root = document.querySelector('.twm-player'), data = JSON.parse(root.querySelector('.twm-player-data').textContent);
  const panel = data.panels[1], [steps, rows, cols] = panel.shape;
  const levels = Uint8Array.from(atob(panel.levels), c => c.charCodeAt(0));
  const table = Uint8Array.from(atob(panel.colours), c => c.charCodeAt(0));
  const canvas = root.querySelectorAll('canvas')[1], step = 20;
  root.twmPlayer.show(step);
  const pen = canvas.getContext('2d'), image = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const at = (x, y) => [...image.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3)];
  const same = (a, b) => a.every((v, k) => Math.abs(v - b[k]) <= 2);
  // The heatmap is the only block whose rows of pixels are runs of table colours: find its corner by the first cell.
  const wanted = (r, c) => { const l = 3 * levels[step * rows * cols + r * cols + c]; return [...table.slice(l, l + 3)]; };
  const box = JSON.parse(canvas.dataset.box || 'null');
  if (!box) return ['the canvas does not say where its cells are'];
  const wrong = [];
  for (let r = 0; r < rows; r += 1) for (let c = 0; c < cols; c += 1) {
    const x = Math.floor((box.x + (c + 0.5) * box.w / cols) * canvas.width / canvas.clientWidth);
    const y = Math.floor((box.y + (r + 0.5) * box.h / rows) * canvas.height / canvas.clientHeight);
    if (!same(at(x, y), wanted(r, c))) wrong.push([r, c, at(x, y), wanted(r, c)]);
  }
  return wrong;
};

// The explorer of the page.
twmChecks.explorer = () => document.querySelector('.twm-explorer').twmExplorer;

// The explorer's state, as its own script keeps it.
twmChecks.readExplorer = () => {
  const x = twmChecks.explorer();
  return {time: x.time, text: x.outText.textContent, status: x.status.textContent, playing: x.playing,
          problem: x.problem.textContent, newProblem: x.newProblem.textContent, right: x.run.tape[x.time].right,
          counted: x.run.tape[x.time].counted, name: x.network.name, activation: x.network.activation};
};

// Runs a network of the explorer on a picture with steps of silence after it; returns states, outputs and what the dual reads.
twmChecks.runExplorer = ([which, constructed, picture, steps]) => {
  const m = window.twmExplorerModel, d = window.twmExplorerData;
  let network = m.unpackTrained(d.networks[which], d.parts);
  if (constructed) network = m.construct(network, d.constructed);
  const run = new m.Run(network, Float64Array.from(picture));
  for (let t = 0; t < network.history + steps; t += 1) run.forward();
  return run.tape.slice(1).map(i => ({
    state: [...i.state], output: [...i.output], wave: [...i.wave], read: [...network.readSubstrate(i.state)].map(v => isNaN(v) ? null : v)}));
};

// Flips one cell of the middle column at three steps of a run, and counts what changes, what is wrong and what is outlined.
twmChecks.overwrite = () => {
  const x = twmChecks.explorer(), history = x.network.history;
  const report = {changed: 0, wrong: 0, marked: 0, mismarked: 0};
  for (const at of [history + 1, history + 3, 2 * history + 2]) {
    x.restart(); x.goTo(at + 5 * history);
    const before = x.run.tape.slice(at + 1).map(i => i.output), waves = x.run.tape.map(i => i.wave);
    x.goTo(at);
    const place = x.network.coordinates.find(p => Math.floor(p / x.network.dim) === Math.floor(history / 2))
      ?? x.network.coordinates[0];
    x.flip(place % x.network.dim, Math.floor(place / x.network.dim));
    x.goTo(at + 5 * history);
    const item = x.run.tape[x.time];
    report.wrong += item.counted - item.right;
    // Outlined is what differs from the run without the overwriting, before it nothing and after it everything.
    x.run.tape.forEach((i, t) => i.wave.forEach((v, place) => {
      const marked = x.run.isEdited(t, place);
      report.marked += marked ? 1 : 0;
      report.mismarked += marked !== (v !== waves[t][place]) ? 1 : 0; }));
    x.run.tape.slice(at + 1).forEach((i, k) => i.output.forEach((v, j) => {
      report.changed += (v > 0) !== (before[k][j] > 0) ? 1 : 0; }));
  }
  return report;
};

// How many outputs go wrong when a cell is written along another basis.
twmChecks.writeThroughAWrongBasis = () => {
  const x = twmChecks.explorer();
  x.network.basis = x.network.basis.slice().reverse();
  x.goTo(20); x.flip(2, 5); x.goTo(60);
  return x.run.tape[60].counted - x.run.tape[60].right;
};

// Runs the lattice toy; returns its states and, for each step, the entries that it lights.
twmChecks.runLattice = ([history, dim, kind, code, start, steps]) => {
  const toy = document.querySelector('.twm-lattice').twmLattice;
  toy.history = history; toy.dim = dim; toy.kind = kind; toy.code.value = code; toy.reset();
  toy.start(Float64Array.from(start));
  const used = [];
  for (let k = 0; k < steps; k += 1) { toy.step(); used.push(toy.now().used); }
  return {states: toy.tape.map(i => [...i.state]), used: used, problem: toy.problem.textContent};
};

// The view of the first turnable picture.
twmChecks.lookAtTurnable = () => {
  const root = document.querySelector('.twm-turnable'), canvas = root.querySelector('canvas');
  return {view: root.twmTurnable.view(), picture: canvas.toDataURL(), label: canvas.getAttribute('aria-label'),
          live: document.querySelectorAll('.twm-turnable.is-live').length, wide: document.documentElement.scrollWidth};
};

// Rows of the scoreboard that are shown.
twmChecks.listClaims = () => [...document.querySelectorAll('table.twm-scoreboard tbody tr')].filter(r => r.checkVisibility()).map(r => r.id);

// Rows of the scoreboard in which something runs out of its cell.
twmChecks.findSpilled = () => [...document.querySelectorAll('table.twm-scoreboard tbody td')].filter(
  d => [...d.querySelectorAll('*')].some(e => e.getBoundingClientRect().right > d.getBoundingClientRect().right + 1)
).map(d => d.closest('tr').id);
