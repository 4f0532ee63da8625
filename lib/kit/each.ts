import type { Turns } from './turns.ts';

/** Elements of one request that are worked on at the same time: enough to hide the time that a store takes to answer. */
const AT_ONCE_MAX = 64;

export interface Each {
  readonly pace: Turns;
}

/**
 * What `work` gives for each element, in their order: some elements at a time, and in turns with other requests. Elements
 * with the same key name the same thing: it is worked on once, and they share its result.
 */
export async function each<Element, Result>(
  { pace }: Each,
  elements: readonly Element[],
  work: (element: Element) => Promise<Result> | Result,
  keyOf?: (element: Element) => string,
): Promise<Result[]> {
  const known = new Map<string, Promise<Result> | Result>();
  const results: Result[] = Array.from({ length: elements.length });
  let next = 0;
  const begin = (element: Element) => {
    if (keyOf === undefined) return work(element);
    const key = keyOf(element);
    let result = known.get(key);
    if (result === undefined) {
      result = work(element);
      known.set(key, result);
    }
    return result;
  };
  const run = async () => {
    for (let index = next++; index < elements.length; index = next++) {
      if (index >= AT_ONCE_MAX) await pace.turn();
      results[index] = await begin(elements[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE_MAX, elements.length) }, run));
  return results;
}
