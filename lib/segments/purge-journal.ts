import { MAX_OFFSET } from '../core/offset.ts';
import { NAME_WITHIN_MS } from '../journal/checkpoint.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { CHECKPOINT_SK, checkpointPk } from '../storage/items/checkpoint.ts';
import { entryPk, entrySk, type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import { LEADERS_PK } from '../storage/items/leader.ts';
import { partitionPrefix, segmentSetPrefix } from '../storage/items/segment-object.ts';
import { TRIM_SK, trimPk } from '../storage/items/trim.ts';
import { MAX_SIGNATURE_AGE_MS, type Stores, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { removeSegments } from './remove-segments.ts';
import { SegmentItems } from './segment-items.ts';
import { loadTrimmedTo, trimEntries } from './trim.ts';

/** Objects per list call. */
const PAGE = 1_000;

/** Deletes at the same time. */
const AT_ONCE = 16;

/**
 * A checkpoint that was put before the last entry went has landed, or never will, after this time: it
 * is signed within NAME_WITHIN_MS. Otherwise it could land after the deletion and stay; ms.
 */
const CHECKPOINT_SETTLED_MS = NAME_WITHIN_MS + MAX_SIGNATURE_AGE_MS + 5 * 60 * 1000;

export interface PurgeOutcome {
  /** False if the deadline came before the end. */
  readonly isComplete: boolean;
  /** When to go on: the grace period is not over, or a late checkpoint may still land. */
  readonly nextAt: StoreTime | undefined;
  readonly counts: { readonly items: number; readonly objects: number; readonly entries: number };
}

/**
 * Deletes everything of a closed journal, once the grace period has passed since its topic was
 * deleted: segment items and objects, entries, its leader item, and at last its checkpoint. A
 * checkpoint of the closed journal is stored before the first entry goes, so that the journal can be
 * opened, and is closed, until nothing is left of it.
 *
 * Any process may do it at any time, several at once and after a crash at any point.
 *
 * @param open its view is closed
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError, MalformedBytesError
 */
export async function purgeJournal(open: OpenJournal, graceMs: number, deadline: number): Promise<PurgeOutcome> {
  const { journal, checkpointer } = open;
  const { env, id } = journal;
  const { stores, clock } = env;
  await journal.catchUp(true);
  const { view } = journal;
  const counts = { items: 0, objects: 0, entries: 0 };
  if (!view.closed) return { isComplete: true, nextAt: undefined, counts };
  const begin = view.time + graceMs;
  if (!(stores.journal.now() > begin)) return { isComplete: true, nextAt: begin + 1, counts };
  const late = { isComplete: false, nextAt: undefined, counts };
  const isLate = () => clock.monotonic() >= deadline;

  // Another process may have been here since this one opened the journal. A checkpoint that is put
  // again after its deletion would have an old version (rule R9).
  if (!(await isThere(stores, id, view.seq))) {
    // A put of it may have landed late.
    await deleteItem(stores, trimPk(id), TRIM_SK);
    return { isComplete: true, nextAt: undefined, counts };
  }
  await checkpointer.settled();
  await checkpointer.write();
  const stored = (await stores.state.get(checkpointPk(id), CHECKPOINT_SK, true)).item;
  if (stored === undefined || stored.version < view.seq) {
    throw new StoreUnavailableError(`journal ${id} has no checkpoint of its end`);
  }

  for (const partition of view.partitions.keys()) {
    const items = new SegmentItems(stores.state, topicIdOf(id), partition);
    const { random } = env;
    const removed = await removeSegments(
      { state: stores.state, clock, random },
      items,
      { from: 0, to: MAX_OFFSET },
      () => true,
      { deadline },
    );
    counts.items += removed.removed;
    if (!removed.isComplete) return late;
  }
  for (const prefix of prefixesOf(id, view)) {
    const { deleted, isComplete } = await deleteObjects(stores, prefix, isLate);
    counts.objects += deleted;
    if (!isComplete) return late;
  }
  const trimmedTo = await loadTrimmedTo(open);
  const reached = await trimEntries(open, trimmedTo, view.seq, deadline);
  counts.entries += reached - trimmedTo;
  if (reached < view.seq) return late;

  const checkpoints = await deleteObjects(stores, `checkpoint/${id}/`, isLate);
  counts.objects += checkpoints.deleted;
  if (!checkpoints.isComplete) return late;
  // Its version is the time at which the last entry went, or a later one.
  const trimmed = (await stores.state.get(trimPk(id), TRIM_SK, true)).item;
  const settledAt = (trimmed?.version ?? Number.POSITIVE_INFINITY) + CHECKPOINT_SETTLED_MS;
  if (!(stores.state.now() > settledAt)) {
    const nextAt = Number.isFinite(settledAt) ? settledAt + 1 : stores.state.now();
    return { isComplete: true, nextAt, counts };
  }
  // No entry comes after a close, so that no leader change does either.
  await deleteItem(stores, LEADERS_PK, id);
  await deleteItem(stores, trimPk(id), TRIM_SK);
  // The last thing that is left: without it the journal does not exist.
  await deleteItem(stores, checkpointPk(id), CHECKPOINT_SK);
  return { isComplete: true, nextAt: undefined, counts };
}

/** True unless all has been deleted: the close entry stays until there is a checkpoint of it. */
async function isThere({ journal, state }: Stores, id: JournalId, closeSeq: number): Promise<boolean> {
  if ((await state.get(checkpointPk(id), CHECKPOINT_SK, true)).item !== undefined) return true;
  return (await journal.get(entryPk(id), entrySk(closeSeq), true)).item !== undefined;
}

function prefixesOf(id: JournalId, { partitions }: JournalView): string[] {
  return [segmentSetPrefix(id), ...[...partitions.keys()].map((number) => partitionPrefix(topicIdOf(id), number))];
}

async function deleteObjects(
  { blobs }: Stores,
  prefix: string,
  isLate: () => boolean,
): Promise<{ deleted: number; isComplete: boolean }> {
  let deleted = 0;
  for (;;) {
    const page = await blobs.list(prefix, undefined, PAGE);
    for (let at = 0; at < page.length; at += AT_ONCE) {
      if (isLate()) return { deleted, isComplete: false };
      const some = page.slice(at, at + AT_ONCE);
      await each({}, some, ({ key }) => blobs.delete(key));
      deleted += some.length;
    }
    if (page.length < PAGE) return { deleted, isComplete: true };
  }
}

async function deleteItem({ state }: Stores, pk: string, sk: string): Promise<void> {
  const { item } = await state.get(pk, sk, true);
  if (item === undefined) return;
  const outcome = await state.delete(pk, sk, item.version);
  if (outcome.kind === 'committed') return;
  const why = outcome.kind === 'conflict' ? 'it has changed' : outcome.message;
  throw new StoreUnavailableError(`item ${pk}/${sk} was not deleted: ${why}`);
}
