import { randomFillSync } from 'node:crypto';

/**
 * The engine's source of randomness. It is injected, so that a simulation depends on its seed
 * alone.
 */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` random bytes. */
  bytes(length: number): Buffer;
}

/**
 * Random bytes are fetched in pools of this size: fetching the 16 bytes of a nonce takes as long as
 * fetching 4 KiB, 5 us.
 */
const POOL_BYTES = 4096;

class SystemRandom implements Random {
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #poolUsed = POOL_BYTES;

  next(): number {
    return Math.random();
  }

  bytes(length: number): Buffer {
    if (length > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(length));
    if (this.#poolUsed + length > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#poolUsed = 0;
    }
    const bytes = Buffer.from(this.#pool.subarray(this.#poolUsed, this.#poolUsed + length));
    this.#poolUsed += length;
    return bytes;
  }
}

export const systemRandom: Random = new SystemRandom();

/** A uniformly chosen whole number in [low, high). */
export function randomInt(random: Random, low: number, high: number): number {
  return low + Math.floor(random.next() * (high - low));
}
