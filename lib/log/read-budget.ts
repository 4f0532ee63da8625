/** What a fetch may read when memory is short; a first batch that is larger still comes whole. */
const GRANT_MIN_BYTES = 64 * 1024;

/**
 * Bounds what all fetches of a process hold at once, read and not sent yet, by giving them less than they ask for: a client
 * that gets fewer bytes than its limit simply asks again.
 */
export class ReadBudget {
  readonly #bytesMax: number;
  readonly #unsentBytes: () => number;
  #granted = 0;

  /** @param unsentBytes answers that were handed on and have not left the process */
  constructor(bytesMax: number, unsentBytes: () => number) {
    this.#bytesMax = bytesMax;
    this.#unsentBytes = unsentBytes;
  }

  /** Calls `read` with the bytes that it may read, at most `wanted`; they count until it is done. */
  async run<T>(wanted: number, read: (bytes: number) => Promise<T>): Promise<T> {
    const left = this.#bytesMax - this.#granted - this.#unsentBytes();
    const bytes = Math.min(wanted, Math.max(left, GRANT_MIN_BYTES));
    this.#granted += bytes;
    try {
      return await read(bytes);
    } finally {
      this.#granted -= bytes;
    }
  }
}
