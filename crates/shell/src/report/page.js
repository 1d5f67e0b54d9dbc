'use strict';
// Draws the report. Texts of the data become text nodes and values of attributes, never markup.
const SVG = 'http://www.w3.org/2000/svg';
const errors = [];
window.addEventListener('error', (event) => { errors.push(String(event.message)); });
const report = JSON.parse(document.getElementById('data').textContent);
const list = (value) => (Array.isArray(value) ? value : []);
const last = (values) => values[values.length - 1];

function put(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}
const el = (name, attributes, ...children) => put(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => put(document.createElementNS(SVG, name), attributes, children);

function bytes(count) {
  const [size, sign] = [Math.abs(count), count < 0 ? '-' : ''];
  if (size < 1000) return `${sign}${size} bytes`;
  if (size < 1e6) return `${sign}${(size / 1e3).toFixed(1)} kB`;
  if (size < 1e9) return `${sign}${(size / 1e6).toFixed(1)} MB`;
  return `${sign}${(size / 1e9).toFixed(2)} GB`;
}
const number = (count) => Number(count).toLocaleString('en');

// The same name has the same colour everywhere.
function colour(name) {
  let hash = 2166136261;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 16777619);
  return `fill: hsl(${(hash >>> 0) % 360} 42% var(--tint))`;
}
function fitted(text, width) {
  const room = Math.floor((width - 8) / 6.6);
  if (room < 3) return '';
  return text.length <= room ? text : `${text.slice(0, room - 1)}\u2026`;
}
// What is activated by a click, by Enter and by the space bar.
const onActivate = (action) => ({
  onclick: action,
  onkeydown: (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    action(event);
  },
});

function claims(all) {
  return el('ul', {}, all.map((claim) => el('li', {}, claim.text, claim.command ? el('code', {}, claim.command) : null)));
}
function excerpt(source) {
  if (!source) return null;
  const lines = source.lines.map((line, index) => {
    const at = source.first + index;
    return el('div', { class: at === source.line ? 'here' : null }, el('span', { class: 'number' }, at), line || ' ');
  });
  return el('div', {}, el('p', { class: 'faint mono' }, `${source.file}:${source.line}`), el('pre', { tabindex: 0 }, lines));
}

// --- The tree of dominators -------------------------------------------------------------------------------------------------------

const total = (node) => node.retained + node.outside;
const title = (node) => {
  const name = node.constructor || 'all that lives';
  const count = node.objects > 1 && node.constructor ? `${number(node.objects)} ` : '';
  return `${node.edge ? `${node.edge}: ` : ''}${count}${name}`;
};
// What a node is made of: what hangs below it, what is left out of that, and what is its own.
function parts(node) {
  const below = node.children.map((child) => ({ node: child, name: title(child), size: total(child), from: child.constructor }));
  let rest = total(node) - below.reduce((sum, part) => sum + part.size, 0);
  if (node.restBytes > 0) {
    below.push({ node: null, name: `${number(node.restObjects)} others`, size: node.restBytes, from: 'others' });
    rest -= node.restBytes;
  }
  const name = !node.constructor ? 'V8\'s own' : node.closed ? 'itself and all below' : 'itself';
  if (rest > 0) below.push({ node: null, name, size: rest, from: 'itself' });
  return below.filter((part) => part.size > 0).sort((one, other) => other.size - one.size);
}
// Squarified: rows of rectangles that are as square as they get.
function squares(items, x, y, width, height) {
  const all = items.reduce((sum, item) => sum + item.size, 0);
  const scale = all > 0 ? (width * height) / all : 0;
  const placed = [];
  let at = 0;
  while (at < items.length) {
    const side = Math.min(width, height);
    let [end, area, worst] = [at, 0, Infinity];
    while (end < items.length) {
      const grown = area + items[end].size * scale;
      const largest = items[at].size * scale;
      const smallest = items[end].size * scale;
      const ratio = Math.max((side * side * largest) / (grown * grown), (grown * grown) / (side * side * smallest));
      if (ratio > worst) break;
      [worst, area, end] = [ratio, grown, end + 1];
    }
    const depth = side > 0 ? area / side : 0;
    let along = 0;
    for (; at < end; at++) {
      const length = depth > 0 ? (items[at].size * scale) / depth : 0;
      placed.push(width >= height
        ? { ...items[at], x, y: y + along, width: depth, height: length }
        : { ...items[at], x: x + along, y, width: length, height: depth });
      along += length;
    }
    if (width >= height) [x, width] = [x + depth, Math.max(0, width - depth)];
    else [y, height] = [y + depth, Math.max(0, height - depth)];
  }
  return placed;
}
function cell(part, place, action) {
  const label = `${part.name}, ${bytes(part.size)}`;
  const attributes = action ? { tabindex: 0, role: 'button', 'aria-label': `${label}: descend`, ...onActivate(action) } : { 'aria-label': label };
  const box = svg('g', attributes,
    svg('title', {}, label),
    svg('rect', { class: 'cell', x: place.x, y: place.y, width: place.width, height: place.height, style: colour(part.from) }));
  if (place.height > 15) {
    box.append(svg('text', { x: place.x + 4, y: place.y + 13 }, fitted(part.name, place.width)));
    if (place.height > 31) box.append(svg('text', { x: place.x + 4, y: place.y + 28 }, fitted(bytes(part.size), place.width)));
  }
  return box;
}
function dominators(root) {
  let way = [root];
  const holder = el('div', {});
  const go = (next, focus) => {
    way = next;
    draw();
    if (focus) holder.querySelector('.crumbs button:last-of-type').focus();
  };
  const descend = (path) => (path.length && path.every((node) => node && node.children.length)
    ? () => go([...way, ...path], true) : null);
  function treemap(width) {
    const height = Math.max(220, Math.min(420, width * 0.5));
    const picture = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'treemap', 'data-picture': 'treemap' });
    for (const part of squares(parts(last(way)), 0, 0, width, height)) {
      picture.append(cell(part, part, part.node ? descend([part.node]) : null));
    }
    return picture;
  }
  function icicle(width) {
    const [row, levels] = [34, 6];
    const picture = svg('svg', { width, height: row * levels, viewBox: `0 0 ${width} ${row * levels}`, role: 'group', 'aria-label': 'icicle', 'data-picture': 'icicle' });
    const add = (node, path, x, share, level) => {
      const whole = { name: title(node), size: total(node), from: node.constructor };
      picture.append(cell(whole, { x, y: level * row, width: share, height: row }, descend(path)));
      if (level + 1 >= levels || total(node) <= 0) return;
      let at = x;
      for (const part of parts(node)) {
        const wide = (share * part.size) / total(node);
        if (part.node && wide >= 2) add(part.node, [...path, part.node], at, wide, level + 1);
        at += wide;
      }
    };
    add(last(way), [], 0, width, 0);
    return picture;
  }
  function draw() {
    const width = Math.max(280, holder.clientWidth || 900);
    const node = last(way);
    const crumbs = el('div', { class: 'crumbs' }, way.map((step, index) =>
      el('button', { type: 'button', onclick: () => go(way.slice(0, index + 1), true) }, title(step))));
    const address = node.object ? el('code', {}, `${node.object.replace(/^0x/, '')}::jsdominators`) : el('code', {}, '::jsdominators');
    const kept = `${bytes(node.retained)} of the heap${node.outside ? ` and ${bytes(node.outside)} outside of it` : ''} would be freed with it `;
    holder.replaceChildren(crumbs,
      el('p', {}, `${title(node)}: `, node === root ? `${bytes(total(node))} live ` : kept, address),
      el('div', { class: 'picture' }, treemap(width)),
      el('p', { class: 'faint' }, 'the same, level below level:'),
      el('div', { class: 'picture' }, icicle(width)),
      el('p', { class: 'faint hint' }, 'A click or Enter descends; Escape, or a name above, goes back.'));
  }
  holder.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && way.length > 1) go(way.slice(0, -1), true);
  });
  return { holder, draw };
}

// --- The way from its owner to what has gathered ---------------------------------------------------------------------------------

function wayTo(suspect) {
  const steps = list(suspect.steps).map((step) => ({
    name: step.name, how: step.how ? `${step.how}${step.times > 1 ? ` \u00d7 ${step.times}` : ''}` : '', object: step.object,
  }));
  steps.push({ name: `${number(suspect.count)} ${suspect.constructor}`, how: 'holds', object: suspect.largest, isLast: true });
  const [box, gap, wide] = [40, 30, 420];
  const height = steps.length * (box + gap) + 4;
  const picture = svg('svg', { width: wide, height, viewBox: `0 0 ${wide} ${height}`, role: 'img', 'aria-label': `way to ${suspect.constructor}` });
  steps.forEach((step, index) => {
    const y = index * (box + gap) + (index ? 0 : 2);
    if (index) {
      picture.append(
        svg('path', { class: 'arrow', d: `M 24 ${y - gap} V ${y - 6}` }),
        svg('path', { class: 'head', d: `M 20 ${y - 7} h 8 l -4 7 z` }),
        svg('text', { class: 'on-paper', x: 36, y: y - 10 }, fitted(step.how, wide - 36)));
    }
    picture.append(
      svg('rect', { class: step.isLast ? 'box last' : 'box', x: 2, y, width: wide - 4, height: box, rx: 6 }),
      svg('text', { class: 'on-paper', x: 12, y: y + 17 }, fitted(step.name, wide - 20)),
      svg('text', { class: 'faint', x: 12, y: y + 32 }, step.object ? step.object.replace(/^0x/, '') : ''));
  });
  return el('div', { class: 'picture' }, picture);
}
function suspects(all) {
  return all.map((suspect, index) => {
    const kept = bytes(suspect.retained + suspect.outside);
    const place = suspect.gathererName ? ` in one ${suspect.gathererName}` : '';
    return el('div', {},
      el('h3', {}, `${index + 1}. ${number(suspect.count)} ${suspect.constructor}${place}: ${kept}, ${suspect.percent} %`),
      suspect.root ? el('p', { class: 'faint' }, `held by: ${suspect.root}`) : null,
      wayTo(suspect), excerpt(suspect.source));
  });
}

// --- Growth -----------------------------------------------------------------------------------------------------------------------

function growth(rows) {
  const grown = (row) => last(row.retained || row.bytes || [0]) - (row.retained || row.bytes || [0])[0];
  const name = (row) => (row.section === 'owner'
    ? `${row.path || '(no path of names)'} (${row.collections ? `${row.collections} ` : ''}${[row.name, row.of].filter(Boolean).join(' of ')})`
    : row.section === 'buffer' ? `buffers: ${row.kind}`
      : row.section === 'native' ? `native memory of ${row.constructor}` : String(row.name));
  const shown = rows.filter((row) => row.section !== 'core' && grown(row) > 0)
    .sort((one, other) => grown(other) - grown(one)).slice(0, 24);
  if (!shown.length) return el('p', {}, 'Nothing has grown.');
  const most = Math.max(...shown.map((row) => last(row.retained || row.bytes)));
  return el('div', { class: 'wide' }, el('table', { 'data-picture': 'growth' },
    el('thead', {}, el('tr', {}, ['what', 'before', 'now', 'more', 'bytes', ''].map((head) => el('th', { scope: 'col' }, head)))),
    el('tbody', {}, shown.map((row) => {
      const [old, now] = [(row.retained || row.bytes)[0], last(row.retained || row.bytes)];
      const [first, latest] = [row.count[0], last(row.count)];
      const width = (size) => Math.max(1, (size / most) * 180);
      return el('tr', {}, el('td', {}, name(row)), el('td', {}, number(first)), el('td', {}, number(latest)),
        el('td', {}, `${latest >= first ? '+' : ''}${number(latest - first)}`), el('td', {}, `+${bytes(grown(row))}`),
        el('td', {}, svg('svg', { width: 184, height: 18, viewBox: '0 0 184 18', role: 'img', 'aria-label': `${bytes(old)} before, ${bytes(now)} now` },
          svg('rect', { x: 2, y: 1, width: width(old), height: 7, style: 'fill: var(--old)' }),
          svg('rect', { x: 2, y: 10, width: width(now), height: 7, style: 'fill: var(--bar)' }))));
    }))));
}

// --- Stacks -----------------------------------------------------------------------------------------------------------------------

function flame(stacks) {
  const root = { name: 'all threads', count: 0, below: new Map(), javascript: false };
  for (const stack of stacks) {
    let at = root;
    at.count += stack.threads.length;
    for (const call of [...stack.calls].reverse()) {
      const next = at.below.get(call.text) || { name: call.text, count: 0, below: new Map(), javascript: call.javascript };
      next.count += stack.threads.length;
      at.below.set(call.text, next);
      at = next;
    }
  }
  const depth = (node) => {
    let deepest = 0;
    const waiting = [[node, 1]];
    while (waiting.length) {
      const [one, level] = waiting.pop();
      deepest = Math.max(deepest, level);
      for (const next of one.below.values()) waiting.push([next, level + 1]);
    }
    return deepest;
  };
  const holder = el('div', { class: 'picture' });
  const draw = () => {
    const [row, width] = [19, Math.max(280, holder.clientWidth || 900)];
    const levels = Math.min(depth(root), 120);
    const picture = svg('svg', { width, height: levels * row, viewBox: `0 0 ${width} ${levels * row}`, role: 'img', 'aria-label': 'flame graph of all stacks', 'data-picture': 'flame' });
    const waiting = [[root, 0, width, 0]];
    while (waiting.length) {
      const [node, x, share, level] = waiting.pop();
      if (level >= levels) continue;
      const place = { x, y: (levels - 1 - level) * row, width: share, height: row };
      const part = { name: `${node.name}${node.count > 1 ? ` (${node.count})` : ''}`, size: 0, from: node.javascript ? node.name : 'native' };
      const box = svg('g', {}, svg('title', {}, part.name),
        svg('rect', { class: 'cell', ...place, style: colour(part.from) }),
        svg('text', { x: x + 4, y: place.y + 13 }, fitted(part.name, share)));
      picture.append(box);
      let at = x;
      for (const next of node.below.values()) {
        const wide = (share * next.count) / node.count;
        waiting.push([next, at, wide, level + 1]);
        at += wide;
      }
    }
    holder.replaceChildren(picture);
  };
  return { holder, draw };
}

// --- The histogram ----------------------------------------------------------------------------------------------------------------

function histogram(rows) {
  let [by, falls, shown] = ['bytes', true, 40];
  const filter = el('input', { type: 'search', placeholder: 'part of a name', 'aria-label': 'show only constructors with this in their name', oninput: () => { shown = 40; draw(); } });
  const holder = el('div', { class: 'wide' });
  const columns = [['constructor', 'constructor'], ['count', 'objects'], ['bytes', 'bytes'], ['kinds', 'kinds']];
  function draw() {
    const wanted = filter.value.toLowerCase();
    const found = rows.filter((row) => row.constructor.toLowerCase().includes(wanted));
    found.sort((one, other) => (one[by] < other[by] ? -1 : one[by] > other[by] ? 1 : 0) * (falls ? -1 : 1));
    const sort = (key) => () => { [falls, by] = [by === key ? !falls : key !== 'constructor', key]; draw(); };
    const head = columns.map(([key, name]) => el('th', { scope: 'col', 'aria-sort': by === key ? (falls ? 'descending' : 'ascending') : 'none' },
      el('button', { type: 'button', onclick: sort(key) }, name, by === key ? (falls ? ' \u25be' : ' \u25b4') : '')));
    const body = found.slice(0, shown).map((row) => el('tr', {}, el('td', {}, row.constructor),
      ['count', 'bytes', 'kinds'].map((key) => el('td', {}, number(row[key])))));
    const more = found.length > shown
      ? el('button', { type: 'button', class: 'more', onclick: () => { shown += 200; draw(); } }, `${number(found.length - shown)} more`) : null;
    holder.replaceChildren(el('table', { 'data-picture': 'histogram' }, el('thead', {}, el('tr', {}, head)), el('tbody', {}, body)), more || '');
  }
  draw();
  return el('div', {}, el('p', {}, filter), holder);
}

// --- The page ---------------------------------------------------------------------------------------------------------------------

const drawn = [];
function build() {
  const { verdict } = report;
  document.title = `v8mdb: ${verdict.title}`;
  const page = document.getElementById('page');
  const sections = [];
  const section = (name, ...children) => {
    if (!children.flat(Infinity).some((child) => child)) return;
    const id = `s${sections.length}`;
    sections.push([id, name, el('section', { 'aria-labelledby': id }, el('h2', { id }, name), children)]);
  };
  const said = (name) => {
    const found = list(report.sections).find((one) => one.title === name);
    return found && found.claims.length ? claims(found.claims) : null;
  };
  const pictured = (picture) => { drawn.push(picture.draw); return picture.holder; };
  section('What it was, and how it ended', said('What it was, and how it ended'));
  section('Where its memory is', said('Where its memory is'));
  if (report.dominators && report.dominators.children.length) {
    section('What its heap hangs on', pictured(dominators(report.dominators)));
  }
  const own = list(report.suspects).filter((suspect) => !suspect.own && suspect.percent > 0).slice(0, 3);
  section('What has gathered', said('What has gathered'), suspects(own));
  if (report.growth) section('What has grown', growth(report.growth), said('What has grown'));
  const main = list(report.stacks).find((stack) => stack.threads.includes(report.process.pid));
  const places = main ? main.calls.filter((call) => call.source).slice(0, 3) : [];
  section('What it was doing', said('What it was doing'),
    places.map((call) => excerpt(call.source)),
    list(report.stacks).length ? [el('h3', {}, 'all stacks, innermost functions on top'), pictured(flame(report.stacks))] : null);
  section('What it waits for', said('What it waits for'));
  section('Oddities', said('Oddities'));
  if (list(report.histogram).length) section('Objects by constructor', el('p', {}, el('code', {}, '::findjsobjects')), histogram(report.histogram));
  section('What could not be told', said('What could not be told'));
  page.append(
    el('p', { class: 'faint' }, `${report.program} ${report.version}`),
    el('p', {}, el('span', { class: `kind ${verdict.kind}` }, verdict.kind)),
    el('h1', {}, verdict.title),
    claims(verdict.because),
    el('nav', { 'aria-label': 'sections' }, sections.map(([id, name]) => el('a', { href: `#${id}` }, name))),
    ...sections.map(([, , element]) => element),
    el('p', { class: 'faint' }, report.values ? 'Texts of the program are shown.' : 'What the strings of the program say is left out (--values shows it).'));
  drawn.forEach((draw) => draw());
  let waiting = null;
  window.addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => drawn.forEach((draw) => draw()), 150);
  });
}

// What `cargo xtask pages` asks for, with #selftest behind the address: whether the pictures say what the data says.
function selfTest() {
  const failures = [];
  const expect = (holds, what) => { if (!holds) failures.push(what); };
  const area = (picture) => [...picture.querySelectorAll('rect')].reduce((sum, box) => sum + box.width.baseVal.value * box.height.baseVal.value, 0);
  let nodes = 0;
  const check = (node) => {
    nodes++;
    const below = node.children.reduce((sum, child) => sum + total(child), 0) + node.restBytes;
    expect(below <= total(node), `more hangs below ${title(node)} than it retains`);
    expect(parts(node).reduce((sum, part) => sum + part.size, 0) === total(node), `the parts of ${title(node)} do not add up`);
    node.children.forEach(check);
  };
  let levels = 0;
  if (report.dominators && report.dominators.children.length) {
    check(report.dominators);
    for (;;) {
      const picture = document.querySelector('[data-picture=treemap]');
      const whole = picture.width.baseVal.value * picture.height.baseVal.value;
      expect(Math.abs(area(picture) - whole) < whole * 1e-3, `the treemap fills ${area(picture)} of ${whole}`);
      const next = picture.querySelector('[role=button]');
      if (!next || levels > 60) break;
      const before = document.querySelectorAll('.crumbs button').length;
      if (levels % 2) next.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
      else next.dispatchEvent(new MouseEvent('click', { bubbles: true }));
      expect(document.querySelectorAll('.crumbs button').length === before + 1, 'no descent');
      levels++;
    }
    expect(levels > 0, 'nothing can be descended into');
    document.querySelector('.crumbs button').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    expect(document.querySelectorAll('.crumbs button').length === levels, 'Escape does not go up');
    document.querySelector('.crumbs button').click();
    expect(document.querySelectorAll('.crumbs button').length === 1, 'the first name does not go to the top');
  }
  const table = () => document.querySelector('[data-picture=histogram]');
  if (table()) {
    const first = () => table().querySelector('tbody td').textContent;
    table().querySelector('thead button').click();
    const names = [...table().querySelectorAll('tbody tr')].map((row) => row.firstChild.textContent);
    expect(names.every((name, index) => !index || names[index - 1] <= name), 'not sorted by name');
    const filter = document.querySelector('input');
    filter.value = first();
    filter.dispatchEvent(new Event('input'));
    expect([...table().querySelectorAll('tbody tr')].every((row) => row.firstChild.textContent.toLowerCase().includes(filter.value.toLowerCase())), 'not filtered');
    filter.value = '';
    filter.dispatchEvent(new Event('input'));
  }
  expect(!document.querySelector('img, iframe, object, embed, link, script[src]'), 'something that loads');
  const resources = performance.getEntriesByType('resource').length;
  expect(resources === 0, `${resources} resources were loaded`);
  document.body.dataset.selftest = JSON.stringify({ failures, errors, nodes, levels, title: document.title });
}

build();
if (location.hash === '#selftest') selfTest();
