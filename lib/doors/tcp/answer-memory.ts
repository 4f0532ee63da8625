/** A connection whose next fetch waits until answers have left. */
export interface AnswerWaiter {
  /** What its next answer may be expected to hold; bytes. */
  readonly expectedAnswerBytes: number;
  /** It has read all its answers, and the last one was small. */
  readonly asksLittle: boolean;
  /** The fetch may start; `reservedBytes` are held for it until `unreserve`. */
  admit(reservedBytes: number): void;
}

/**
 * Connections that may pass the line at the same time, each until its answer has left. When memory
 * is short a fetch gets 64 KiB, or one record batch (lib/log/read-budget.ts), so together they add
 * 64 MiB; and consumers that wait for something new hold their places meanwhile.
 */
const PASSING_MAX = 1_024;

/**
 * Bounds the bytes of answers that the kernel has not taken yet, over all connections. While they
 * are above the bound no further fetch starts, and no large answer of another API is made. What
 * waits starts in the order of arrival, as many as are expected to fit, so that a thousand slow
 * readers who wait do not all answer at once when the first one has read its share. Connections
 * that ask for little and read it pass by: those who never read would hold them up until they are
 * closed.
 */
export class AnswerMemory {
  readonly #bytesMax: number;
  #bytes = 0;
  #reservedBytes = 0;
  readonly #waiting = new Set<AnswerWaiter>();
  readonly #passing = new Set<AnswerWaiter>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** True when the waiter need not wait; otherwise it is in line, and `admit` will be called. */
  mayStart(waiter: AnswerWaiter): boolean {
    if (this.#waiting.size === 0 && !this.isFull) return true;
    if (this.#mayPass(waiter)) {
      this.#waiting.delete(waiter);
      this.#passing.add(waiter);
      return true;
    }
    this.#waiting.add(waiter);
    return false;
  }

  /** Every answer of the connection has left. */
  sent(waiter: AnswerWaiter): void {
    if (this.#passing.delete(waiter)) this.#admitPassing();
  }

  /**
   * Waits in line until an answer of so many bytes may be made; they are held for it until the
   * returned function is called.
   */
  reserve(bytes: number): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.add({
        expectedAnswerBytes: bytes,
        asksLittle: false,
        admit: (reservedBytes) => resolve(() => this.unreserve(reservedBytes)),
      });
      this.#wake();
    });
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
    this.sent(waiter);
    if (this.#waiting.delete(waiter)) this.#wake();
  }

  #mayPass(waiter: AnswerWaiter): boolean {
    return waiter.asksLittle && this.#passing.size < PASSING_MAX;
  }

  #admitPassing(): void {
    for (const waiter of this.#waiting) {
      if (!this.#mayPass(waiter)) continue;
      this.#waiting.delete(waiter);
      this.#passing.add(waiter);
      waiter.admit(0);
      return;
    }
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
