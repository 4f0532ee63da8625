import { randomFillSync } from 'node:crypto';

/** Randomness as the engine sees it; injected, so that a simulation's seed decides everything. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` random bytes. */
  bytes(length: number): Buffer;
}

/** Random bytes are fetched by so many: asking for the 16 of a nonce costs as much, 5 us, as asking for 4 KiB. */
const POOL_BYTES = 4096;

const pool = Buffer.alloc(POOL_BYTES);
let poolUsed = POOL_BYTES;

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes(length) {
    if (length > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(length));
    if (poolUsed + length > POOL_BYTES) {
      randomFillSync(pool);
      poolUsed = 0;
    }
    const bytes = Buffer.from(pool.subarray(poolUsed, poolUsed + length));
    poolUsed += length;
    return bytes;
  },
};

/** A uniformly chosen whole number in [low, high). */
export function randomInt(random: Random, low: number, high: number): number {
  return low + Math.floor(random.next() * (high - low));
}
