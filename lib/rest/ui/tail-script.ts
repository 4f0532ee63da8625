/** Records that the page keeps; older ones go. A record shows at most so many characters. */
const ROWS_MAX = 500;
const SHOWN_CHARS_MAX = 20_000;

/** The stream tells every 15 s that it is alive; a connection that is silent for longer is dead; ms. */
const SILENT_MS_MAX = 40_000;

/** Until a stream that the server refused is tried again; ms. */
const RETRY_MS = 3_000;

/**
 * The script of the page that tails a topic. Everything of a record is set as text, never as HTML.
 * A browser continues the stream by itself after a cut. Where it does not (paused, refused, silent),
 * the script opens a new one at the last id.
 */
export const TAIL_SCRIPT = `
'use strict';
const byId = (id) => document.getElementById(id);
const { stream, from } = document.body.dataset;
const [list, state, pause, filter, count] = ['records', 'state', 'pause', 'filter', 'count'].map(byId);
let source, lastId, silence, retry, isPaused = false, total = 0, waiting = [];

function show(name, className) {
  state.textContent = name;
  state.className = className;
}

function open() {
  const query = new URLSearchParams(location.search);
  query.set('from', from);
  if (lastId) query.set('last_event_id', lastId);
  source = new EventSource(stream + '?' + query);
  source.onopen = () => show('live', 'live');
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return show('reconnecting', '');
    show('stopped', 'stopped');
    reopen(${RETRY_MS});
  };
  source.onmessage = (event) => heard(event, record);
  source.addEventListener('place', (event) => heard(event));
  source.addEventListener('gap', (event) => heard(event, ({ partition_id, from, to }) =>
    notice('Offsets ' + from + ' to ' + (to - 1) + ' of partition ' + partition_id + ' are no longer in the log.')));
  source.addEventListener('failure', (event) => heard(event, ({ message }) => notice(message)));
  listen();
}

function close() {
  source.close();
  clearTimeout(silence);
  clearTimeout(retry);
}

function reopen(delay) {
  close();
  retry = setTimeout(open, delay);
}

function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => reopen(0), ${SILENT_MS_MAX});
}

function heard(event, make) {
  lastId = event.lastEventId;
  listen();
  if (!make) return;
  if (waiting.length === 0) (document.hidden ? setTimeout : requestAnimationFrame)(flush);
  waiting.push(make(JSON.parse(event.data, exact)));
  if (waiting.length > ${ROWS_MAX}) waiting.shift();
}

// Numbers keep the digits that they were sent with, where the browser can tell.
function exact(key, value, context) {
  const source = typeof value === 'number' && context ? context.source : undefined;
  return source !== undefined && JSON.rawJSON && String(value) !== source ? JSON.rawJSON(source) : value;
}

function flush() {
  const rows = document.createDocumentFragment();
  for (const row of waiting.reverse()) rows.append(row);
  waiting = [];
  list.prepend(rows);
  while (list.childElementCount > ${ROWS_MAX}) list.lastElementChild.remove();
}

function add(parent, tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

function partText(part, space) {
  if (part === null) return null;
  if (part.type === 'JSON') return JSON.stringify(part.data, undefined, space);
  return part.type === 'BINARY' ? 'base64 ' + part.data : part.data;
}

function headerText({ name, value }) {
  if (value === null) return name + ' = null';
  const bytes = Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
  try {
    return name + ' = ' + new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return name + ' = base64 ' + value;
  }
}

function record({ partition_id, offset, timestamp, key, headers, value }) {
  const row = document.createElement('article');
  row.dataset.at = partition_id + ':' + offset;
  const meta = add(row, 'div', 'meta', '');
  add(meta, 'span', '', partition_id + ':' + offset);
  add(meta, 'time', '', timestamp ? new Date(timestamp).toLocaleString() : '');
  const keyText = partText(key);
  add(meta, 'b', keyText === null ? 'none' : '', keyText === null ? 'no key' : keyText);
  const headerTexts = headers.map(headerText);
  for (const text of headerTexts) add(meta, 'span', 'header', text);
  const valueText = partText(value, 2);
  if (valueText === null) add(row, 'pre', 'none', 'no value');
  else {
    add(row, 'pre', '', valueText.slice(0, ${SHOWN_CHARS_MAX}));
    const more = valueText.length - ${SHOWN_CHARS_MAX};
    if (more > 0) add(row, 'div', 'cut', more + ' more characters');
  }
  row.searched = [keyText, valueText, ...headerTexts].join('\\n').slice(0, ${SHOWN_CHARS_MAX}).toLowerCase();
  choose(row);
  total++;
  count.textContent = total + (total === 1 ? ' record' : ' records');
  return row;
}

function notice(text) {
  const row = document.createElement('article');
  row.className = 'notice';
  row.textContent = text;
  return row;
}

function choose(row) {
  row.hidden = row.searched !== undefined && !row.searched.includes(filter.value.toLowerCase());
}

filter.oninput = () => {
  for (const row of list.children) choose(row);
};
pause.onclick = () => {
  isPaused = !isPaused;
  pause.textContent = isPaused ? 'Resume' : 'Pause';
  if (!isPaused) return open();
  close();
  show('paused', '');
};
open();
`;
