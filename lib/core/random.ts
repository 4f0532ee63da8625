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

/** A small deterministic generator (sfc32), good enough for tests and simulation, not for secrets. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162 ^ Math.floor(seed / 2 ** 32);
  let d = 1;
  const next32 = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next32();
  return {
    next: () => next32() / 2 ** 32,
    bytes(length) {
      const out = Buffer.allocUnsafe(length);
      for (let i = 0; i < length; i++) out[i] = next32() & 0xff;
      return out;
    },
  };
}

/** A uniformly chosen whole number in [low, high). */
export function randomInt(random: Random, low: number, high: number): number {
  return low + Math.floor(random.next() * (high - low));
}
