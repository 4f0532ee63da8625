import type { Random } from './random.ts';

/** 128 random bits, so that no two writes of any processes share a nonce. */
const NONCE_BYTES = 16;

/** Identifies one logical write; 22 characters of base64url. */
export function newNonce(random: Random): string {
  return random.bytes(NONCE_BYTES).toString('base64url');
}
