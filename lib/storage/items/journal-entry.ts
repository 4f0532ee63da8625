import { assert } from '../../core/assert.ts';
import type { Uuid } from '../../core/uuid.ts';

/** Identifies a journal: a topic's id and the journal's number within it. */
export type JournalId = string;

/** The `index`-th journal of a topic. */
export function journalId(topicId: string, index: number): JournalId {
  return `${topicId}/${index}`;
}

/** The id of the topic that a journal belongs to. */
export function topicIdOf(journal: JournalId): Uuid {
  return journal.slice(0, journal.lastIndexOf('/'));
}

/** Entries live in the journal table under this partition key, one item per slot. */
export function entryPk(journal: JournalId): string {
  return `journal/${journal}`;
}

/** Wide enough for any safe whole number, so that keys sort as their slots do. */
const SLOT_DIGITS = 16;

/** The sort key of slot `seq`: decimal, zero-padded. */
export function entrySk(seq: number): string {
  assert(Number.isSafeInteger(seq) && seq >= 0, `not a slot: ${seq}`);
  return String(seq).padStart(SLOT_DIGITS, '0');
}

/** The slot that a sort key stands for. */
export function slotOf(sk: string): number {
  const seq = Number(sk);
  assert(sk.length === SLOT_DIGITS && Number.isSafeInteger(seq), `not an entry's sort key: ${sk}`);
  return seq;
}
