/** Requests up to this size are never held up: what they name fits beside everything else. */
export const SMALL_ELEMENTS_MAX = 1_000;

/**
 * Elements of all larger requests that are being served at the same time: decoded and with what is found out about them,
 * each takes some 500 bytes.
 */
const ELEMENTS_AT_ONCE_MAX = 200_000;

interface Waiting {
  readonly elements: number;
  start(): void;
}

/** Bounds what large requests name together while they are served; the others wait, in the order in which they came. */
export class WorkBudget {
  #elements = 0;
  readonly #waiting = new Set<Waiting>();

  /** Takes room for a request: undefined where there is some, else resolves when it was taken. `release` gives it back. */
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
