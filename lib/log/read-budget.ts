/** What a fetch may read when memory is short; a larger first batch still comes whole. */
const GRANT_MIN_BYTES = 64 * 1024;

/**
 * Limits the bytes that all fetches of a process hold, read and not sent yet. A fetch may get less than it asked for; its
 * client then asks again.
 */
export class ReadBudget {
  readonly #bytesMax: number;
  readonly #unsentBytes: () => number;
  #granted = 0;

  /** @param unsentBytes bytes of finished answers that have not left the process */
  constructor(bytesMax: number, unsentBytes: () => number) {
    this.#bytesMax = bytesMax;
    this.#unsentBytes = unsentBytes;
  }

  /** Calls `read` with the number of bytes that it may read, at most `wanted`. They count until it is done. */
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
