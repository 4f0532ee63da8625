/** A connection that has stopped reading until there is memory again. */
export interface MemoryWaiter {
  /** True when it holds a part of a frame, so that only reading on can free what it holds. */
  readonly hasPartialFrame: boolean;
  resumeReading(): void;
}

/**
 * Once complete requests hold less than this share, those that are half received must be what fills
 * the memory.
 */
const IN_PROCESS_SHARE = 0.5;

/**
 * Bounds the bytes of requests that were received and are not answered yet, over all connections
 * (Kafka's queued.max.request.bytes). While it is full, a connection stops reading after the chunk
 * that it got; so the bound is passed by at most one chunk (64 KiB) per connection.
 *
 * If half-received requests alone fill it, nothing would ever free it: then one connection after
 * the other, in the order in which they stopped, reads its frame to the end beyond the bound. This
 * is also how a frame that is larger than the whole bound passes.
 */
export class RequestMemory {
  readonly #bytesMax: number;
  #bytes = 0;
  #inProcessBytes = 0;
  readonly #waiting = new Set<MemoryWaiter>();
  #elected: MemoryWaiter | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** Whether the connection is the one that reads on beyond the bound. */
  isElected(waiter: MemoryWaiter): boolean {
    return this.#elected === waiter;
  }

  mayRead(waiter: MemoryWaiter): boolean {
    return !this.isFull || this.#elected === waiter;
  }

  /** Bytes came from the socket. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Bytes of those received have become a complete request of this connection. */
  completed(waiter: MemoryWaiter, bytes: number): void {
    this.#inProcessBytes += bytes;
    if (this.#elected !== waiter) return;
    this.#elected = undefined;
    this.#wake();
  }

  /** A complete request has been answered. */
  answered(bytes: number): void {
    this.#inProcessBytes -= bytes;
    this.#bytes -= bytes;
    this.#wake();
  }

  /** The connection has stopped reading until `resumeReading` is called. */
  wait(waiter: MemoryWaiter): void {
    this.#waiting.add(waiter);
    this.#wake();
  }

  /** The connection is gone, and with it `bytes` that had not become a request. */
  leave(waiter: MemoryWaiter, bytes: number): void {
    this.#waiting.delete(waiter);
    if (this.#elected === waiter) this.#elected = undefined;
    this.#bytes -= bytes;
    this.#wake();
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    if (!this.isFull) {
      const resumed = [...this.#waiting];
      this.#waiting.clear();
      for (const waiter of resumed) waiter.resumeReading();
      return;
    }
    if (this.#elected !== undefined || this.#inProcessBytes >= this.#bytesMax * IN_PROCESS_SHARE) return;
    for (const waiter of this.#waiting) {
      if (!waiter.hasPartialFrame) continue;
      this.#waiting.delete(waiter);
      this.#elected = waiter;
      waiter.resumeReading();
      return;
    }
  }
}
