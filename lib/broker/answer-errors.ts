import { ELEMENTS_PER_PART } from '../wire/schema/codec.ts';
import type { Fields } from '../wire/schema/field.ts';

/** The path of array fields, outermost first, to the structs that have an error code. */
export type ErrorPath = readonly string[];

const ERROR_FIELD = 'errorCode';

/** The paths of the error codes in an answer with these fields. */
export function errorPathsOf(fields: Fields): readonly ErrorPath[] {
  const own: ErrorPath[] = ERROR_FIELD in fields ? [[]] : [];
  const inner = Object.entries(fields).flatMap(([name, { type }]) =>
    type.kind === 'array' && type.element.kind === 'struct'
      ? errorPathsOf(type.element.fields).map((path) => [name, ...path])
      : [],
  );
  return [...own, ...inner];
}

/**
 * Every nonzero error code in an answer: the answer's own and those of its resources. Yields
 * `undefined` at points where the caller may serve other requests.
 */
export function* errorsIn(answer: object, paths: readonly ErrorPath[]): Generator<number | undefined, void, undefined> {
  for (const path of paths) yield* follow(answer, path, 0);
}

function* follow(value: object, path: ErrorPath, depth: number): Generator<number | undefined, void, undefined> {
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
