import { createHash } from 'node:crypto';
import { escaped, htmlPage } from './html.ts';
import { TAIL_FROM } from './tail-from.ts';
import { TAIL_SCRIPT } from './tail-script.ts';

const CHOICES: readonly (readonly [from: string, label: string])[] = [
  [TAIL_FROM, 'the last 20 of each partition'],
  ['latest', 'new records'],
  ['earliest', 'the first record'],
];

/** The page's script and style, and the stream, are all that it may load: a record cannot bring a script in. */
export const TAIL_POLICY =
  `default-src 'none'; script-src 'sha256-${createHash('sha256').update(TAIL_SCRIPT).digest('base64')}'; ` +
  "style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/**
 * The page that tails a topic. Its addresses are relative, so that they hold behind a front door that
 * has a path of its own.
 */
export function tailPage(clusterId: string, topic: string, from: string): string {
  const stream = `../../v3/clusters/${encodeURIComponent(clusterId)}/topics/${encodeURIComponent(topic)}/records:stream`;
  const known = CHOICES.some(([value]) => value === from) ? CHOICES : [[from, from] as const, ...CHOICES];
  const options = known.map(([value, label]) => {
    return `<option value="${escaped(value)}"${value === from ? ' selected' : ''}>${escaped(label)}</option>`;
  });
  return htmlPage(
    `${topic} · Tidelog`,
    STYLE,
    `<body data-stream="${escaped(stream)}" data-from="${escaped(from)}">\n<header>\n` +
      `<a href="../../">Tidelog</a><h1>${escaped(topic)}</h1><span id="state" role="status">connecting</span>\n` +
      '<button id="pause" type="button">Pause</button>\n' +
      '<input id="filter" type="search" placeholder="Filter" aria-label="Filter by key, header or value">\n' +
      `<form><label>From <select name="from">${options.join('')}</select></label>` +
      '<button>Show</button></form>\n<span id="count">0 records</span>\n</header>\n<noscript>This page needs JavaScript.</noscript>\n' +
      `<main id="records"></main>\n<script>${TAIL_SCRIPT}</script>\n</body>\n`,
  );
}

const STYLE =
  ':root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif}body{margin:0}' +
  'header{position:sticky;top:0;display:flex;flex-wrap:wrap;gap:.5rem .9rem;align-items:center;padding:.6rem 1rem;' +
  'background:Canvas;border-bottom:1px solid #8886}' +
  'h1{font-size:1.1rem;margin:0;overflow-wrap:anywhere}form{display:contents}button,input,select{font:inherit;padding:.15rem .5rem}' +
  '#filter{flex:1;min-width:12rem}#count{color:GrayText}' +
  '#state{padding:0 .6rem;border-radius:1rem;background:#8883}#state.live{background:#2a85;}#state.stopped{background:#c335}' +
  'main{padding:.5rem 1rem 3rem}article{border-bottom:1px solid #8884;padding:.5rem 0}article[hidden]{display:none}' +
  '.meta{display:flex;flex-wrap:wrap;gap:.2rem .9rem;color:GrayText;font-size:.87rem}' +
  '.meta b{color:CanvasText;font-weight:600;overflow-wrap:anywhere}.header{background:#8882;border-radius:.3rem;padding:0 .35rem;overflow-wrap:anywhere}' +
  'pre{margin:.25rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font:.87rem/1.4 ui-monospace,monospace}' +
  '.none,.cut,.meta b.none{color:GrayText;font-style:italic;font-weight:400}.notice{background:#c902;padding:.5rem}';
