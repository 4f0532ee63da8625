import { assert } from '../core/assert.ts';
import { loadCheckpoint } from '../journal/load-checkpoint.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { VIEW_AGE_MAX_MS } from '../journal/writer/decide-next.ts';
import { changeItem } from '../kit/change-item.ts';
import { each } from '../kit/each.ts';
import { entryPk, entrySk, type JournalId } from '../storage/items/journal-entry.ts';
import { decodeTrim, encodeTrim, TRIM_SK, type TrimMark, type TrimRecord, trimPk } from '../storage/items/trim.ts';
import { type ItemStore, MAX_SIGNATURE_AGE_MS, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';

/**
 * A shorter grace period would free a slot while a put can still land in it: a writer signs on a view
 * of up to VIEW_AGE_MAX_MS (rule R3); ms.
 */
const GRACE_MIN_MS = VIEW_AGE_MAX_MS + MAX_SIGNATURE_AGE_MS;

/** Marks of one journal within a grace period, about 12 bytes each. */
const MARKS_PER_GRACE = 64;

/**
 * Entries deleted at the same time. A crash may leave some of them between deleted ones. All are below
 * the checkpoint, so that no reader needs them, and the next call deletes them.
 */
const AT_ONCE = 16;

/** Entries that one call deletes: a few seconds of work, and what a crash makes the next call repeat. */
const ENTRIES_MAX = 5_000;

export interface TrimOutcome {
  /** False if entries that may be deleted are left. */
  readonly isComplete: boolean;
  /** When more entries may be deleted; undefined: not before the next seal. */
  readonly nextAt: StoreTime | undefined;
  readonly counts: { readonly entries: number };
}

/**
 * Deletes the entries of a journal that are no longer needed (rule R3): those up to the seal before
 * the newest one, whose segment items were read back, once the grace period has passed since the seal
 * that made them deletable. It goes up to the slot before the stored checkpoint at most, in ascending
 * order. Which seals there were, and how far earlier calls came, is kept in an item.
 *
 * Any process may do it at any time, several at once and after a crash at any point.
 *
 * @param graceMs at least 75 minutes
 * @param deadline by Clock.monotonic(); ms
 * @param isConfirmed the caller has confirmed the view; one that is behind only allows less
 * @throws StoreUnavailableError, MalformedBytesError
 */
export async function trimJournal(
  open: OpenJournal,
  graceMs: number,
  deadline: number,
  isConfirmed = false,
): Promise<TrimOutcome> {
  assert(graceMs >= GRACE_MIN_MS, `entries cannot be deleted after ${graceMs} ms`);
  const { journal } = open;
  const { stores } = journal.env;
  if (!isConfirmed) await journal.catchUp(true);
  const nothing = { isComplete: true, nextAt: undefined, counts: { entries: 0 } };
  if (journal.view.closed || journal.view.trimmableSeq < 0) return nothing;
  const record = await remember(open, graceMs);
  const now = stores.journal.now();
  const wanted = record.marks.findLast(({ at }) => now - at > graceMs)?.upTo ?? -1;
  const waiting = record.marks.find(({ at }) => now - at <= graceMs);
  const nextAt = waiting === undefined ? undefined : waiting.at + graceMs + 1;
  if (wanted <= record.trimmedTo) return { ...nothing, nextAt };
  const end = Math.min(wanted, await lastBeforeCheckpoint(open, wanted), record.trimmedTo + ENTRIES_MAX);
  const trimmedTo = await trimEntries(open, record.trimmedTo, end, deadline);
  return { isComplete: trimmedTo >= wanted, nextAt, counts: { entries: trimmedTo - record.trimmedTo } };
}

/**
 * Deletes the entries after slot `from` up to slot `to`, in ascending order, and records how far it
 * came: the last slot that is deleted. Whether they may go is for the caller to know.
 */
export async function trimEntries(open: OpenJournal, from: number, to: number, deadline: number): Promise<number> {
  const { id, env } = open.journal;
  let trimmedTo = from;
  while (trimmedTo < to && env.clock.monotonic() < deadline) {
    const first = trimmedTo + 1;
    const slots = Array.from({ length: Math.min(AT_ONCE, to - trimmedTo) }, (_, index) => first + index);
    await each({}, slots, (seq) => deleteEntry(env.stores.journal, id, seq));
    trimmedTo += slots.length;
  }
  if (trimmedTo > from) {
    await update(open, (current) => ({ ...current, trimmedTo: Math.max(current.trimmedTo, trimmedTo) }));
  }
  return trimmedTo;
}

/** The entries up to this slot are deleted; -1 for none. Throws StoreUnavailableError. */
export async function loadTrimmedTo({ journal: { id, env } }: OpenJournal): Promise<number> {
  const { item } = await env.stores.state.get(trimPk(id), TRIM_SK, true);
  return item === undefined ? -1 : decodeTrim(item.body).trimmedTo;
}

/** The last slot that lies before the stored checkpoint. Stores a checkpoint if that is below `wanted`. */
async function lastBeforeCheckpoint({ journal, checkpointer }: OpenJournal, wanted: number): Promise<number> {
  const { env, id } = journal;
  // A checkpoint that cannot be read holds nothing: it is read as a whole.
  const stored = (await loadCheckpoint(env, id))?.seq ?? -1;
  if (stored > wanted) return stored - 1;
  // A quiet journal does not reach the end of a block for weeks.
  await checkpointer.settled();
  await checkpointer.write();
  return ((await loadCheckpoint(env, id))?.seq ?? -1) - 1;
}

async function deleteEntry(store: ItemStore, journal: JournalId, seq: number): Promise<void> {
  // The version of an entry is its slot.
  const outcome = await store.delete(entryPk(journal), entrySk(seq), seq);
  if (outcome.kind === 'committed') return;
  const why = outcome.kind === 'conflict' ? 'it has another version' : outcome.message;
  throw new StoreUnavailableError(`slot ${seq} of journal ${journal} was not deleted: ${why}`);
}

/** Adds the newest seal to the record. */
async function remember(open: OpenJournal, graceMs: number): Promise<TrimRecord> {
  return update(open, (current) => ({
    ...current,
    marks: withMark(current, markOf(open.journal.view), graceMs, open.journal.env.stores.journal.now()),
  }));
}

function markOf({ lastSeal, trimmableSeq }: JournalView): TrimMark | undefined {
  return lastSeal === undefined ? undefined : { at: lastSeal.time, upTo: trimmableSeq };
}

/**
 * The marks with a new one. Those of the past grace period are at least a MARKS_PER_GRACE-th of it
 * apart, except for the newest one: instead of a mark that is too close to the one before it the later
 * one is kept, which allows more and later. Of the marks whose time has come, the last one is kept
 * until its entries are deleted.
 */
export function withMark(
  { marks, trimmedTo }: TrimRecord,
  mark: TrimMark | undefined,
  graceMs: number,
  now: StoreTime,
): readonly TrimMark[] {
  const kept = marks.filter(({ upTo }) => upTo > trimmedTo);
  const newest = kept.at(-1);
  if (mark !== undefined && mark.upTo > Math.max(newest?.upTo ?? -1, trimmedTo)) {
    const before = kept.at(-2);
    const isClose = newest !== undefined && before !== undefined && newest.at - before.at < graceMs / MARKS_PER_GRACE;
    if (isClose) kept.pop();
    kept.push(mark);
  }
  const ripe = kept.findLastIndex(({ at }) => now - at > graceMs);
  return ripe > 0 ? kept.slice(ripe) : kept;
}

/** Changes the record of a journal; puts it only if that changes it. */
async function update({ journal }: OpenJournal, change: (record: TrimRecord) => TrimRecord): Promise<TrimRecord> {
  const { stores, clock, random } = journal.env;
  let record = NOTHING_TRIMMED;
  await changeItem({ state: stores.state, clock, random }, { pk: trimPk(journal.id), sk: TRIM_SK }, (item) => {
    const current = item === undefined ? NOTHING_TRIMMED : decodeTrim(item.body);
    const { trimmedTo, marks } = change(current);
    record = { trimmedTo, marks: marks.filter(({ upTo }) => upTo > trimmedTo) };
    const body = encodeTrim(record);
    if (item?.body.equals(body) === true) return { kind: 'keep', result: undefined };
    const version = Math.max(Math.floor(stores.state.now()), (item?.version ?? -1) + 1);
    return { kind: 'put', version, body };
  });
  return record;
}

const NOTHING_TRIMMED: TrimRecord = { trimmedTo: -1, marks: [] };
