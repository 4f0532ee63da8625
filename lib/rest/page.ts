import { VERSION } from '../core/version.ts';
import type { AnyRoute } from './route.ts';
import { escaped, htmlPage } from './ui/html.ts';

/** More topics than that would hide the routes. */
const LINKED_TOPICS_MAX = 200;

/** A page that lists topics and routes, these by their tags. */
export function routesPage(routes: readonly AnyRoute[], topics: readonly string[]): string {
  const tags = new Map<string, AnyRoute[]>();
  for (const route of routes) tags.set(route.tag, [...(tags.get(route.tag) ?? []), route]);
  const sections = [...tags].map(
    ([tag, tagged]) => `<h2>${escaped(tag)}</h2>\n<table>\n${tagged.map(row).join('')}</table>\n`,
  );
  return htmlPage(
    'Tidelog REST',
    STYLE,
    '<body>\n<h1>Tidelog REST</h1>\n' +
      `<p>Version ${VERSION}. The interface of Confluent's REST Proxy, v3 and v2. ` +
      'The same as an OpenAPI document: <a href="openapi.json">openapi.json</a>.</p>\n' +
      `${topicLinks(topics)}${sections.join('')}</body>\n`,
  );
}

function row({ method, path, summary }: AnyRoute): string {
  return `<tr><td>${method}</td><td><code>${escaped(path)}</code></td><td>${escaped(summary)}</td></tr>\n`;
}

/** Links to the pages that show records. */
function topicLinks(topics: readonly string[]): string {
  if (topics.length === 0) return '';
  const links = topics
    .slice(0, LINKED_TOPICS_MAX)
    .map((name) => `<li><a href="ui/topics/${encodeURIComponent(name)}">${escaped(name)}</a></li>`);
  const more = topics.length - links.length;
  const rest = more > 0 ? `<p>${more} more: <code>ui/topics/NAME</code></p>\n` : '';
  return `<h2>Topics, as their records come</h2>\n<ul>${links.join('')}</ul>\n${rest}`;
}

const STYLE =
  ':root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}' +
  'h2{font-size:1.1rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}' +
  'ul{columns:14rem;padding-left:1.2rem;overflow-wrap:anywhere}td{padding:.25rem .75rem .25rem 0;border-top:1px solid #8884;vertical-align:top}td:first-child{width:5rem;font-weight:600}';
