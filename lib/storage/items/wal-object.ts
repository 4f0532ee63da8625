import { createHash } from 'node:crypto';
import type { StoreTime } from '../ports.ts';

/** All WAL objects of a deployment begin with it. */
export const WAL_PREFIX = 'wal/';

/**
 * S3 limits the request rate per prefix of keys, and splits a prefix as its load grows. Without the
 * hash, all writers of a fleet would write under the newest few milliseconds. Two digits make 256
 * prefixes; a list by time merges as many.
 */
const HASH_DIGITS = 2;

/** Enough for any time of the next 30,000 years, so that the keys of one hash sort by time. */
const TIME_DIGITS = 15;

const KEY_WITH_HASH = new RegExp(`^${WAL_PREFIX}[0-9a-f]{${HASH_DIGITS}}-`);
const TIME_IN_KEY = new RegExp(`^${WAL_PREFIX}[0-9a-f]{${HASH_DIGITS}}-(\\d{${TIME_DIGITS}})-`);

/**
 * The key of a WAL object: `wal/<hash>-<time>-<nonce>`, where the hash is the start of the SHA-256
 * of the rest.
 *
 * @param time when the object was made, by the store; NaN (not known yet) counts as 0
 */
export function walKey(time: StoreTime, nonce: string): string {
  const name = `${String(wholeTime(time)).padStart(TIME_DIGITS, '0')}-${nonce}`;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${WAL_PREFIX}${hash}-${name}`;
}

/**
 * Whether the object of this key has a header. The first objects had none, and keys of the form
 * `wal/<time>-<nonce>`.
 */
export function hasWalHeader(key: string): boolean {
  return KEY_WITH_HASH.test(key);
}

/** When an object was made, as its key says; 0 if it does not say so; ms. */
export function walTimeOf(key: string): StoreTime {
  return Number(TIME_IN_KEY.exec(key)?.[1] ?? 0);
}

/** A key behind all objects with the hash of `key`, and before those with the next one. */
export function afterWalHash(key: string): string {
  return `${key.slice(0, WAL_PREFIX.length + HASH_DIGITS)}-z`;
}

/** A store time as keys and headers hold it; ms. */
export function wholeTime(time: StoreTime): number {
  return Number.isFinite(time) ? Math.floor(time) : 0;
}
