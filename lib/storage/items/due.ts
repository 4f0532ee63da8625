import { assert } from '../../core/assert.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';

/**
 * What has to be looked at and when. The list is sparse: what nobody has to look at has no item.
 * - `journal`: `name` is the journal's id. Its entries may have to be sealed, its segments merged,
 *   compacted or removed.
 * - `object`: `name` is the key of an object that may not be named by anything.
 */
export interface DueItem {
  readonly kind: DueKind;
  readonly name: string;
  /** Not before this time; ms. */
  readonly at: StoreTime;
}

export type DueKind = (typeof DUE_KINDS)[number];

export const DUE_KINDS = ['journal', 'object'] as const;

/** One query reads what is due, in order of time. */
export const DUE_PK = 'due';

/** Enough for any time of the next 30,000 years, so that keys sort by time. */
const TIME_DIGITS = 15;
const SK = new RegExp(`^(\\d{${TIME_DIGITS}})/(${DUE_KINDS.join('|')})/(.+)$`);

/** The time is part of the key: the same thing due at another time is another item. */
export function dueSk({ kind, name, at }: DueItem): string {
  assert(Number.isSafeInteger(at) && at >= 0, `not a time in whole ms: ${at}`);
  assert(name !== '', 'something due has no name');
  return `${String(at).padStart(TIME_DIGITS, '0')}/${kind}/${name}`;
}

/** Throws MalformedBytesError, also for a kind that this program does not know. */
export function parseDueSk(sk: string): DueItem {
  const match = SK.exec(sk);
  if (match === null) throw new MalformedBytesError(`not the key of something due: ${sk}`);
  return { at: Number(match[1]), kind: match[2] as DueKind, name: match[3]! };
}

/** End (exclusive) of the sort keys of what is due at or before a store time. */
export function dueSkEnd(now: StoreTime): string {
  return String(Math.floor(now) + 1).padStart(TIME_DIGITS, '0');
}

const FORMAT = 1;

/** The key says everything. */
export function encodeDue(): Buffer {
  return Buffer.of(FORMAT);
}

/** Throws MalformedBytesError if the body is not of the format that this program knows. */
export function checkDue(body: Buffer): void {
  if (body.length !== 1 || body[0] !== FORMAT) throw new MalformedBytesError(`due item format ${body[0]} is unknown`);
}
