/** A connection whose next fetch waits until answers have left. */
export interface AnswerWaiter {
  /** What its next answer may be expected to hold; bytes. */
  readonly expectedAnswerBytes: number;
  /** The fetch may start; `reservedBytes` are held for it until `unreserve`. */
  admit(reservedBytes: number): void;
}

/**
 * Bounds the bytes of answers that the kernel has not taken yet, over all connections. While they are above the bound
 * no further fetch starts; what waits then starts in the order of arrival, as many as are expected to fit, so that a
 * thousand slow readers who wait do not all answer at once when the first one has read its share.
 */
export class AnswerMemory {
  readonly #bytesMax: number;
  #bytes = 0;
  #reservedBytes = 0;
  readonly #waiting = new Set<AnswerWaiter>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** True when nobody has to wait; otherwise the waiter is in line, and `admit` will be called. */
  mayStart(waiter: AnswerWaiter): boolean {
    if (this.#waiting.size === 0 && !this.isFull) return true;
    this.#waiting.add(waiter);
    return false;
  }

  /** An answer was handed to the socket. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The kernel has taken bytes of answers, or they were dropped. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    this.#wake();
  }

  /** An admitted fetch has its answer. */
  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
    this.#wake();
  }

  /** The connection is gone. */
  leave(waiter: AnswerWaiter): void {
    if (this.#waiting.delete(waiter)) this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiting) {
      const expected = waiter.expectedAnswerBytes;
      const fits = this.#bytes + this.#reservedBytes + expected <= this.#bytesMax;
      // With nothing under way even the largest answer has to pass.
      const isAlone = this.#reservedBytes === 0 && !this.isFull;
      if (!fits && !isAlone) return;
      this.#waiting.delete(waiter);
      this.#reservedBytes += expected;
      waiter.admit(expected);
    }
  }
}
