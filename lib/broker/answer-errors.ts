import { type ApiKey, apis } from '../wire/apis.ts';
import { ELEMENTS_PER_PART } from '../wire/schema/codec.ts';
import type { Fields } from '../wire/schema/field.ts';

/** The arrays to go through, from the answer inwards, to come to structs with an error code. */
type Path = readonly string[];

const ERROR_FIELD = 'errorCode';
const PATHS = new Map<ApiKey, readonly Path[]>();

/**
 * Every error code in an answer that is not 0, whichever of its resources it belongs to, with `undefined` in between wherever
 * others may be served. Where an API has its error codes is read from its schema once, so that an answer of one partition
 * costs three look-ups.
 */
export function errorsIn(apiKey: ApiKey, answer: object): Generator<number | undefined, void, undefined> {
  let paths = PATHS.get(apiKey);
  if (paths === undefined) {
    paths = pathsOf(apis[apiKey].response.fields);
    PATHS.set(apiKey, paths);
  }
  return followAll(answer, paths);
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

function* followAll(answer: object, paths: readonly Path[]): Generator<number | undefined, void, undefined> {
  for (const path of paths) yield* follow(answer, path, 0);
}

function* follow(value: object, path: Path, depth: number): Generator<number | undefined, void, undefined> {
  if (depth === path.length) {
    const code = errorOf(value);
    if (code !== 0) yield code;
    return;
  }
  const elements = (value as Readonly<Record<string, Iterable<object> | null | undefined>>)[path[depth]!];
  if (elements == null) return;
  const isInnermost = depth + 1 === path.length;
  let passed = 0;
  for (const element of elements) {
    if (isInnermost) {
      const code = errorOf(element);
      if (code !== 0) yield code;
    } else {
      yield* follow(element, path, depth + 1);
    }
    if (++passed % ELEMENTS_PER_PART === 0) yield undefined;
  }
}

function errorOf(value: object): number {
  return (value as { readonly errorCode?: number })[ERROR_FIELD] ?? 0;
}
