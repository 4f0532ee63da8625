import { VERSION } from '../core/version.ts';
import type { AnyRoute } from './route.ts';

/** A page that lists routes by their tags. It needs nothing but itself: no script, font or image. */
export function routesPage(routes: readonly AnyRoute[]): string {
  const tags = new Map<string, AnyRoute[]>();
  for (const route of routes) tags.set(route.tag, [...(tags.get(route.tag) ?? []), route]);
  const sections = [...tags].map(
    ([tag, tagged]) => `<h2>${escaped(tag)}</h2>\n<table>\n${tagged.map(row).join('')}</table>\n`,
  );
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    `<title>Tidelog REST</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<h1>Tidelog REST</h1>\n` +
    `<p>Version ${VERSION}. The interface of Confluent's REST Proxy, v3 and v2. ` +
    'The same as an OpenAPI document: <a href="openapi.json">openapi.json</a>.</p>\n' +
    `${sections.join('')}</body>\n</html>\n`
  );
}

function row({ method, path, summary }: AnyRoute): string {
  return `<tr><td>${method}</td><td><code>${escaped(path)}</code></td><td>${escaped(summary)}</td></tr>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const STYLE =
  ':root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}' +
  'h2{font-size:1.1rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}' +
  'td{padding:.25rem .75rem .25rem 0;border-top:1px solid #8884;vertical-align:top}td:first-child{width:5rem;font-weight:600}';
