import { assert } from '../../core/assert.ts';
import type { Offset } from '../../core/offset.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { JournalId } from './journal-entry.ts';

/** All objects with segments begin with it. */
export const SEGMENT_PREFIX = 'segment/';

/** Wide enough for any slot or offset, so that the keys of one folder sort as they do. */
const NUMBER_DIGITS = 16;

/** Key of the segment set of a journal's entries up to slot `toSeq`. */
export function segmentSetKey(journal: JournalId, toSeq: number, nonce: string): string {
  return `${segmentSetPrefix(journal)}${padded(toSeq)}-${nonce}`;
}

/** All segment sets of a journal begin with it. */
export function segmentSetPrefix(journal: JournalId): string {
  return `${SEGMENT_PREFIX}${journal}/`;
}

/** All objects with segments of one partition alone begin with it. */
export function partitionPrefix(topicId: Uuid, partition: number): string {
  return `${SEGMENT_PREFIX}${topicId}/p${partition}/`;
}

/** Key of an object with segments of one partition, made from older ones. */
export function partitionSegmentKey(topicId: Uuid, partition: number, baseOffset: Offset, nonce: string): string {
  return `${partitionPrefix(topicId, partition)}${padded(baseOffset)}-${nonce}`;
}

/** Whose segments an object holds. */
export type SegmentOwner =
  | { readonly kind: 'journal'; readonly journal: JournalId }
  | { readonly kind: 'partition'; readonly topicId: Uuid; readonly partition: number };

const KEY = new RegExp(`^${SEGMENT_PREFIX}([^/]+)/(p?)(\\d+)/\\d{${NUMBER_DIGITS}}-[^/]+$`);

/** Whose segments the object of a key holds; undefined for other keys. */
export function segmentOwner(key: string): SegmentOwner | undefined {
  const match = KEY.exec(key);
  if (match === null) return undefined;
  const [, topicId = '', isPartition, number = ''] = match;
  return isPartition === 'p'
    ? { kind: 'partition', topicId, partition: Number(number) }
    : { kind: 'journal', journal: `${topicId}/${number}` };
}

function padded(number: number): string {
  assert(Number.isSafeInteger(number) && number >= 0, `not a slot or offset: ${number}`);
  return String(number).padStart(NUMBER_DIGITS, '0');
}
