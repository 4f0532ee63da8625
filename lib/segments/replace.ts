import { assert } from '../core/assert.ts';
import type { Offset } from '../core/offset.ts';
import type { CleanedSegments, ReplaceEntry } from '../journal/entry.ts';
import type { Journal } from '../journal/journal.ts';
import { decodeItem } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom, type JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { entryPk, entrySk, topicIdOf } from '../storage/items/journal-entry.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { newObjectDue, storeObject } from './due-objects.ts';
import type { SegmentSet } from './format/segment-set.ts';
import type { FoundReplace } from './repair-items.ts';
import { reportFailure } from './report-failure.ts';
import type { SealEnvironment } from './seal-environment.ts';

/** New segments of one partition and the old ones with the same offsets. */
export interface NewSegments {
  readonly partition: number;
  /** Side by side, ascending. */
  readonly old: readonly LiveSegment[];
  readonly key: string;
  readonly set: SegmentSet;
  /** For segments that compaction has cleaned. */
  readonly cleaned?: CleanedSegments;
}

/**
 * - `replaced`: the new segments are named.
 * - `lost`: another process has replaced or removed old ones.
 * - `timedOut`: the deadline came first. The new segments may still be named.
 */
export type ReplaceOutcome = 'replaced' | 'lost' | 'timedOut';

type ReplaceEnvironment = Pick<SealEnvironment, 'index' | 'due'>;

/**
 * Stores the object of new segments, names it in place of the old ones by a `replace` entry, and
 * writes the items. Before the entry the old segments are listed again, after the view was confirmed
 * (rule R6). Readers that hold them read on until their grace period is over.
 * After a crash at any point `repairReplace` completes it, or the due item of the new object leads to
 * its deletion.
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function replaceSegments(
  env: ReplaceEnvironment,
  { journal, writer }: OpenJournal,
  { partition, old, key, set, cleaned }: NewSegments,
  deadline: number,
): Promise<ReplaceOutcome> {
  const { stores } = journal.env;
  const { parts } = set;
  const baseOffset = old[0]!.baseOffset;
  const nextOffset = old.at(-1)!.nextOffset;
  const isSame = parts[0]?.baseOffset === baseOffset && parts.at(-1)!.nextOffset === nextOffset;
  assert(isSame, `segments from ${baseOffset} to ${nextOffset} are replaced by others`);
  const { due, signBefore } = await storeObject(env.due, stores, key, set.chunks);
  await journal.catchUp(true);
  // The replacement that is completed now. A newer one may lack items, which makes the list void.
  const replacedSeq = journal.view.partitions.get(partition)?.replacedSeq ?? -1;
  await repairReplace(env, journal, partition);
  if (!(await areListed(env, journal, old))) return 'lost';
  const removedBytes = old.reduce((sum, { log }) => sum + log.length, 0);
  const counts = { removedSegments: old.length, removedBytes };
  let isLost = false;
  let named: FoundReplace | undefined;
  const result = await writer.appendEntry(
    (view, time) => {
      isLost = !isUnchanged(view, partition, replacedSeq, baseOffset, nextOffset);
      if (isLost) return undefined;
      const entry: ReplaceEntry = {
        kind: 'replace',
        time,
        partition,
        baseOffset,
        nextOffset,
        key,
        parts,
        ...counts,
        ...(cleaned !== undefined && { cleaned }),
      };
      named = { seq: view.seq + 1, entry };
      return entry;
    },
    deadline,
    { signBefore },
  );
  if (result !== 'written') return isLost ? 'lost' : 'timedOut';
  try {
    await complete(env, journal, named!);
    await env.due.done(due);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    // The next replacement of the partition, or the seal of the entry, completes it.
    reportFailure(journal.env, 'warn', { event: 'replace_items_failed', journal: journal.id, message: error.message });
  }
  return 'replaced';
}

/** Whether these segments hold their offsets now, read strongly consistent. */
async function areListed(
  { index }: ReplaceEnvironment,
  journal: Journal,
  old: readonly LiveSegment[],
): Promise<boolean> {
  const [first] = old;
  const request = { from: first!.baseOffset, limit: old.length, consistent: true };
  const { segments } = await index.list(topicIdOf(journal.id), first!.partition, request);
  return old.every(({ key, seq, baseOffset }, at) => {
    const found = segments[at];
    return found?.key === key && found.seq === seq && found.baseOffset === baseOffset;
  });
}

/** Whether the segments are still those that were listed, as far as the journal says. */
function isUnchanged(
  { closed, partitions }: JournalView,
  partition: number,
  replacedSeq: number,
  baseOffset: Offset,
  nextOffset: Offset,
): boolean {
  const state = partitions.get(partition);
  return (
    !closed &&
    state?.replacedSeq === replacedSeq &&
    baseOffset >= state.segmentsFrom &&
    // The items of the newest seal may be written again until the next one.
    nextOffset <= entriesFrom(state)
  );
}

/**
 * Completes the items of the partition's newest replacement, whoever began it, so that the list of
 * segments is that of the view. The view must have been confirmed just before. Throws
 * StoreUnavailableError.
 */
export async function repairReplace(env: ReplaceEnvironment, journal: Journal, partition: number): Promise<void> {
  const seq = journal.view.partitions.get(partition)?.replacedSeq ?? -1;
  if (seq < 0) return;
  const { item } = await journal.env.stores.journal.get(entryPk(journal.id), entrySk(seq), true);
  // An entry is deleted only after it was sealed, and its items were there by then.
  if (item === undefined) return;
  const { entry } = decodeItem(item);
  assert(entry.kind === 'replace', `slot ${seq} of journal ${journal.id} holds no replacement`);
  await complete(env, journal, { seq, entry });
}

/**
 * Makes sure that the items of these replacements are there. An entry that is sealed may be deleted
 * later, and nothing else says where the new segments are. Throws StoreUnavailableError.
 */
export async function repairReplaces(
  env: ReplaceEnvironment,
  journal: Journal,
  replaces: readonly FoundReplace[],
): Promise<void> {
  for (const found of replaces) await complete(env, journal, found);
}

async function complete(
  { index, due }: ReplaceEnvironment,
  journal: Journal,
  { seq, entry }: FoundReplace,
): Promise<void> {
  const { partition, baseOffset, nextOffset } = entry;
  // Their items are overwritten or become replaced ones. Then nothing else leads to their objects.
  const old = new Set<string>();
  for (let from: Offset | undefined = baseOffset; from !== undefined && from < nextOffset; ) {
    const page = await index.list(topicIdOf(journal.id), partition, { from, consistent: true });
    for (const segment of page.segments) {
      if (segment.seq < seq && segment.baseOffset < nextOffset) old.add(segment.key);
    }
    from = page.next;
  }
  const now = journal.env.stores.journal.now();
  await each({}, [...old], (key) => due.add(newObjectDue(key, now)));
  await index.writeReplace(journal.id, { ...entry, seq }, journal.confirmedAt);
}
