import type { Random } from './random.ts';

/** 128 random bits: no two writes of all processes ever get the same. */
const NONCE_BYTES = 16;

/** Identifies one logical write; 22 characters of base64url. */
export function newNonce(random: Random): string {
  return random.bytes(NONCE_BYTES).toString('base64url');
}
