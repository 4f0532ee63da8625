import { assert } from '../core/assert.ts';
import { ITEM_OVERHEAD_BYTES, type Item, MAX_ITEM_BYTES, type QueryRequest, type RefusedReason } from './ports.ts';

/**
 * Well below DynamoDB's 2,048 bytes for a partition key, so that the embedded store's composite
 * keys fit its pages.
 */
export const MAX_PARTITION_KEY_BYTES = 1024;

/** Half of DynamoDB's 1,024 bytes for a sort key, for the same reason. */
export const MAX_SORT_KEY_BYTES = 512;

/** Room for two UUIDs and a counter. */
export const MAX_NONCE_BYTES = 64;

/** What an item counts against MAX_ITEM_BYTES and MAX_PAGE_BYTES, in bytes. */
export function itemBytes(item: Item): number {
  return (
    Buffer.byteLength(item.pk) + Buffer.byteLength(item.sk) + item.nonce.length + item.body.length + ITEM_OVERHEAD_BYTES
  );
}

/**
 * Why every adapter refuses this item, or undefined if all accept it. Decided without asking the
 * store.
 */
export function itemRefusal(item: Item): { readonly reason: RefusedReason; readonly message: string } | undefined {
  const badKey = keyRefusal(item.pk, item.sk);
  if (badKey !== undefined) return { reason: 'rejected', message: badKey };
  if (!/^[\x20-\x7e]*$/.test(item.nonce) || item.nonce.length > MAX_NONCE_BYTES) {
    return { reason: 'rejected', message: `a nonce is printable ASCII of at most ${MAX_NONCE_BYTES} bytes` };
  }
  if (!Number.isSafeInteger(item.version) || item.version < 0) {
    return { reason: 'rejected', message: `a version is a whole number from 0 on, not ${item.version}` };
  }
  const bytes = itemBytes(item);
  if (bytes > MAX_ITEM_BYTES) {
    return { reason: 'tooLarge', message: `the item takes ${bytes} bytes, the limit is ${MAX_ITEM_BYTES}` };
  }
  return undefined;
}

/**
 * Why every adapter refuses this key, or undefined. A lone surrogate has no UTF-8 form, so two keys
 * could become one.
 */
export function keyRefusal(pk: string, sk: string): string | undefined {
  if (pk === '' || sk === '') return 'a key is not empty';
  if (/\p{Surrogate}/u.test(pk) || /\p{Surrogate}/u.test(sk)) return 'a key is well-formed Unicode';
  if (Buffer.byteLength(pk) > MAX_PARTITION_KEY_BYTES) return `pk takes more than ${MAX_PARTITION_KEY_BYTES} bytes`;
  if (Buffer.byteLength(sk) > MAX_SORT_KEY_BYTES) return `sk takes more than ${MAX_SORT_KEY_BYTES} bytes`;
  return undefined;
}

/** Asserts that a caller gave no empty bounds and no limit below 1. */
export function checkQuery(request: QueryRequest): void {
  assert(request.pk !== '' && request.from !== '' && request.to !== '', 'the bounds of a query are not empty');
  assert(request.limit === undefined || request.limit >= 1, 'a query asks for one item at least');
}

/** Orders strings by their UTF-8 bytes, as the stores do: below zero when `a` comes first. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return utf8Rank(x) - utf8Rank(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogate pairs (U+10000 and up) below U+E000 to U+FFFF, UTF-8 above. */
function utf8Rank(codeUnit: number): number {
  if (codeUnit < 0xd800) return codeUnit;
  return codeUnit < 0xe000 ? codeUnit + 0x2000 : codeUnit - 0x800;
}

/**
 * True for a key that every blob store takes: non-empty segments between slashes, none of them '.'
 * or '..'.
 */
export function isBlobKey(key: string): boolean {
  return (
    key.length <= MAX_BLOB_KEY_BYTES &&
    key.split('/').every((s) => /^[A-Za-z0-9._-]{1,200}$/.test(s) && s !== '.' && s !== '..')
  );
}

/**
 * S3 takes 1,024 bytes; the rest is for the prefix of a deployment. Segments stay below the 255 of
 * file systems.
 */
const MAX_BLOB_KEY_BYTES = 900;
