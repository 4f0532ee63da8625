import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/REST.md'), 'utf8');

/** The rows of docs/REST.md with routes: `METHOD /path`, and the codes that are documented for it. */
export const documentedRoutes: ReadonlyMap<string, string> = new Map(
  [...PAGE.matchAll(/^\| `([A-Z]+ \/[^`]*)` \| ([^|]+?) \|/gm)].map(([, route, codes]) => [route!, codes!]),
);

/** An example of a request: what was answered, as the table has it. */
export interface ShownExample {
  readonly method: string;
  /** With the names of parameters in braces. */
  readonly path: string;
  readonly status: number;
  /** `error_code` if it is another number than the status. */
  readonly errorCode?: number | undefined;
}

/** The rows that examples make: for each route its codes, in ascending order. */
export function routeRows(examples: readonly ShownExample[]): ReadonlyMap<string, string> {
  const rows = new Map<string, Set<string>>();
  for (const { method, path, status, errorCode } of examples) {
    const route = `${method} ${path}`;
    const code = errorCode === undefined || errorCode === status ? `${status}` : `${status} \`${errorCode}\``;
    rows.set(route, (rows.get(route) ?? new Set()).add(code));
  }
  return new Map([...rows].map(([route, codes]) => [route, [...codes].sort().join(', ')]));
}
