/** Minimum grant of a fetch when memory is short; bytes. A larger first batch is still read. */
const GRANT_MIN_BYTES = 64 * 1024;

/**
 * Limits the bytes that all fetches of a process have read but not sent. A fetch may get less than
 * it asked for; its client then fetches again.
 */
export class ReadBudget {
  readonly #bytesMax: number;
  readonly #unsentBytes: () => number;
  #granted = 0;

  /** @param unsentBytes bytes of finished responses that have not left the process */
  constructor(bytesMax: number, unsentBytes: () => number) {
    this.#bytesMax = bytesMax;
    this.#unsentBytes = unsentBytes;
  }

  /** Calls `read` with the bytes granted, at most `wanted`. The grant ends when `read` ends. */
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
