import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';

/**
 * The body of a group that is too large for its head: immutable, written before the head that names
 * it.
 */
const PREFIX = 'body/';
const TIME_DIGITS = 15;
const FORMAT = 1;

/** A body inflates to no more; 390 KB of deflated JSON are rarely more than 8 MB. */
const INFLATED_BYTES_MAX = 64 * 1024 * 1024;

/** Bounds of the sort keys of all bodies of a group, for a query. */
export const GROUP_BODIES = { from: PREFIX, to: 'body0' };

/** The sort key of a body written at a store time. */
export function groupBodySk(writtenAt: StoreTime, nonce: string): string {
  return `${PREFIX}${String(Math.floor(writtenAt)).padStart(TIME_DIGITS, '0')}-${nonce}`;
}

/** When the body of a sort key was written. */
export function bodyWrittenAt(sk: string): StoreTime {
  return Number(sk.slice(PREFIX.length, PREFIX.length + TIME_DIGITS));
}

/** JSON, deflated. */
export function deflateBody(json: string): Buffer {
  return deflateRawSync(json);
}

/** Throws MalformedBytesError. */
export function inflateBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(inflateRawSync(bytes, { maxOutputLength: INFLATED_BYTES_MAX }).toString('utf8'));
  } catch (cause) {
    throw new MalformedBytesError('the body of a group is not deflated JSON', { cause });
  }
}

/** The item's body: a format byte, then the deflated JSON. */
export function encodeGroupBody(deflated: Buffer): Buffer {
  return Buffer.concat([Buffer.of(FORMAT), deflated]);
}

/** The JSON in an item's body. Throws MalformedBytesError. */
export function decodeGroupBody(item: Buffer): unknown {
  if (item[0] !== FORMAT) throw new MalformedBytesError(`group body format ${item[0]} is unknown to this program`);
  return inflateBody(item.subarray(1));
}
