import type { Turns } from './turns.ts';

/** Default number of elements worked on at the same time: enough to hide the latency of a store. */
const AT_ONCE_MAX = 64;

export interface Each {
  /** Elements that are worked on at the same time. */
  readonly atOnce?: number;
  /**
   * For lists whose length a client chooses: beyond the first `atOnce` elements, the work yields to
   * other requests.
   */
  readonly turns?: Pick<Turns, 'turn'>;
}

/**
 * The results of `work` for all elements, in order. Work starts in that order, on `atOnce` elements
 * at a time. Elements with the same key share one result. After the first error it rejects and
 * starts no further work.
 */
export async function each<Element, Result>(
  { atOnce = AT_ONCE_MAX, turns }: Each,
  elements: readonly Element[],
  work: (element: Element) => Promise<Result> | Result,
  keyOf?: (element: Element) => string,
): Promise<Result[]> {
  const known = new Map<string, Promise<Result> | Result>();
  const results: Result[] = Array.from({ length: elements.length });
  let next = 0;
  let hasFailed = false;
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
    try {
      for (let index = next++; index < elements.length && !hasFailed; index = next++) {
        if (index >= atOnce) await turns?.turn();
        results[index] = await begin(elements[index]!);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, elements.length) }, run));
  return results;
}
