import { type ApiKey, apis } from '../protocol/apis.ts';
import type { Fields } from '../protocol/schema/field.ts';

/** The arrays to go through, from the answer inwards, to come to structs with an error code. */
type Path = readonly string[];

const ERROR_FIELD = 'errorCode';
const PATHS = new Map<ApiKey, readonly Path[]>();

/**
 * Calls `report` with every error code in an answer that is not 0, whichever of its resources it belongs to. Where an API
 * has its error codes is read from its schema once, so that an answer of one partition costs three look-ups.
 */
export function eachError(apiKey: ApiKey, answer: object, report: (errorCode: number) => void): void {
  let paths = PATHS.get(apiKey);
  if (paths === undefined) {
    paths = pathsOf(apis[apiKey].response.fields);
    PATHS.set(apiKey, paths);
  }
  for (const path of paths) follow(answer, path, 0, report);
}

/** Where the structs with error codes are, from the schema of an answer. */
function pathsOf(fields: Fields): Path[] {
  const own: Path[] = ERROR_FIELD in fields ? [[]] : [];
  const inner = Object.entries(fields).flatMap(([name, { type }]) =>
    type.kind === 'array' && type.element.kind === 'struct'
      ? pathsOf(type.element.fields).map((path) => [name, ...path])
      : [],
  );
  return [...own, ...inner];
}

function follow(value: object, path: Path, depth: number, report: (errorCode: number) => void): void {
  if (depth === path.length) {
    const code = (value as { readonly errorCode?: number })[ERROR_FIELD];
    if (code !== undefined && code !== 0) report(code);
    return;
  }
  const elements = (value as Readonly<Record<string, readonly object[] | null | undefined>>)[path[depth]!];
  if (elements == null) return;
  for (const element of elements) follow(element, path, depth + 1, report);
}
