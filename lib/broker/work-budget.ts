/** Requests up to this many elements never wait. */
export const SMALL_ELEMENTS_MAX = 1_000;

/**
 * Total elements of the larger requests that are served concurrently. Each takes some 500 bytes
 * with its decoded form and its results.
 */
const ELEMENTS_AT_ONCE_MAX = 200_000;

interface Waiting {
  readonly elements: number;
  start(): void;
}

/**
 * Bounds the total elements of the large requests that are served concurrently. Further ones wait
 * in order of arrival.
 */
export class WorkBudget {
  #elements = 0;
  readonly #waiting = new Set<Waiting>();

  /**
   * Reserves elements for a request: undefined if they were free, else a promise that resolves when
   * they are reserved. `release` returns them.
   */
  take(elements: number): Promise<void> | undefined {
    if (this.#waiting.size === 0 && this.#fits(elements)) {
      this.#elements += elements;
      return undefined;
    }
    return new Promise((start) => {
      this.#waiting.add({ elements, start });
    });
  }

  release(elements: number): void {
    this.#elements -= elements;
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.elements)) return;
      this.#waiting.delete(waiting);
      this.#elements += waiting.elements;
      waiting.start();
    }
  }

  #fits(elements: number): boolean {
    return this.#elements === 0 || this.#elements + elements <= ELEMENTS_AT_ONCE_MAX;
  }
}
