import { MalformedBytesError } from '../core/bytes.ts';
import type { Uuid } from '../core/uuid.ts';
import { OBJECT_GRACE_MS, OBJECT_SETTLED_AFTER_MS } from '../journal/checkpoint.ts';
import type { Journal } from '../journal/journal.ts';
import { decodeItem as decodeEntryItem } from '../journal/journal.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { entryPk, entrySk, type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import type { StoredSegment } from '../storage/items/segment.ts';
import { type SegmentOwner, segmentOwner } from '../storage/items/segment-object.ts';
import type { BlobInfo } from '../storage/ports.ts';
import type { DueList } from './due-list.ts';
import { DIRECTORY_TAIL_BYTES, type DirectoryRow, decodeDirectory } from './format/directory.ts';
import { isSettledReplaced, removeSegments } from './remove-segments.ts';
import type { FoundReplace } from './repair-items.ts';
import { repairReplaces } from './replace.ts';
import { reportFailure } from './report-failure.ts';
import type { SegmentIndex } from './segment-index.ts';
import { SegmentItems } from './segment-items.ts';
import type { DueOutcome } from './sweep.ts';

export interface CollectObjectEnvironment {
  readonly journals: Journals;
  readonly index: SegmentIndex;
  readonly due: DueList;
  /** The journal of a partition; undefined if its topic does not exist. Throws StoreUnavailableError. */
  readonly journalOf: (topicId: Uuid, partition: number) => Promise<JournalId | undefined>;
}

/**
 * Ends the name of an object that was found unnamed: if it is still unnamed at the next look, it goes.
 * No key has this character.
 */
const UNNAMED_MARK = '!';

/** Stores tell times in whole seconds; ms. */
const MARGIN_MS = 1_000;

/** When to look again at an object that is not settled; ms. */
const LATER_MS = 60 * 60 * 1000;

/** When to look again at an object that cannot be read; ms. */
const DAMAGED_AGAIN_MS = 24 * 60 * 60 * 1000;

/** Items read at the same time. */
const AT_ONCE = 16;

/**
 * Looks at an object with segments that may not be named by anything, and deletes it if nothing has
 * named it for the grace period (rules R5 and R16): it was unnamed when it was looked at before, at
 * least that long ago. What names an object is read strongly consistent: the newest seal of its
 * journal, replacements that are not sealed, and the segment items at the offsets that the object's
 * directory gives. An object that cannot be read stays. For `sweepDue`; throws StoreUnavailableError.
 */
export async function collectObject(env: CollectObjectEnvironment, name: string): Promise<DueOutcome> {
  const isMarked = name.endsWith(UNNAMED_MARK);
  const key = isMarked ? name.slice(0, -UNNAMED_MARK.length) : name;
  const { stores, observer } = env.journals.env;
  const { blobs } = stores;
  const found = await blobs.getRange(key, 0, 0);
  const owner = segmentOwner(key);
  if (found.kind === 'missing') return { next: undefined, counts: { gone: 1 } };
  const object = { key, size: found.size, modified: found.modified };
  if (owner === undefined) return { next: undefined, counts: { foreign: 1 } };
  const settledAt = object.modified + OBJECT_SETTLED_AFTER_MS + MARGIN_MS;
  if (!(blobs.now() > settledAt)) return { next: settledAt };
  const naming = await namingOf(env, owner, object);
  switch (naming) {
    case 'named':
      return { next: undefined, counts: { named: 1 } };
    case 'unsettled':
      return { next: blobs.now() + LATER_MS };
    case 'damaged':
      return { next: blobs.now() + DAMAGED_AGAIN_MS, counts: { damaged: 1 } };
    case 'unnamed':
      if (isMarked) {
        await blobs.delete(key);
        observer?.collected('segment');
        return { next: undefined, counts: { deletedObjects: 1 } };
      }
      await env.due.add({ kind: 'object', name: `${key}${UNNAMED_MARK}`, at: blobs.now() + OBJECT_GRACE_MS });
      return { next: undefined, counts: { unnamed: 1 } };
  }
}

/**
 * `unsettled`: an entry that is not sealed may name it, and its items may still be missing; or a
 * segment of it was replaced a short time ago.
 */
type Naming = 'named' | 'unnamed' | 'unsettled' | 'damaged';

async function namingOf(env: CollectObjectEnvironment, owner: SegmentOwner, object: BlobInfo): Promise<Naming> {
  const id = owner.kind === 'journal' ? owner.journal : await env.journalOf(owner.topicId, owner.partition);
  const open = id === undefined ? undefined : await env.journals.open(id);
  // Whatever is left of a topic that does not exist is named by nothing.
  if (open === undefined) return 'unnamed';
  const { journal } = open;
  await journal.catchUp(true);
  const { view } = journal;
  // The objects of a deleted topic go all together.
  if (view.closed || isOfNewestSeal(view, object.key)) return 'named';
  if (owner.kind === 'partition' && !(await completeReplacements(env, journal, owner.partition))) return 'unsettled';
  const rows = await directoryOf(journal, object);
  if (rows === undefined) return 'damaged';
  return namingItems(journal, rows, object.key);
}

/** The items of the newest seal may be missing until the next one, unless its segments have ended. */
function isOfNewestSeal({ lastSeal, partitions }: JournalView, key: string): boolean {
  if (lastSeal?.key !== key) return false;
  return lastSeal.parts.some(({ partition, nextOffset }) => {
    const counted = partitions.get(partition)?.segmentsFrom ?? 0;
    return nextOffset > counted;
  });
}

/**
 * A replacement's items are certain to be there once its entry is sealed. Until then they may be
 * missing, and are written here. False if that is left to the next seal.
 */
async function completeReplacements(
  env: Pick<CollectObjectEnvironment, 'index' | 'due'>,
  journal: Journal,
  partition: number,
): Promise<boolean> {
  const { id, view } = journal;
  const replacedSeq = view.partitions.get(partition)?.replacedSeq ?? -1;
  if (replacedSeq <= view.sealedSeq) return true;
  // The next seal is near. Without batches there is none, and the entries are few.
  if (view.hotSince !== -1) return false;
  const found: FoundReplace[] = [];
  for (let from = view.sealedSeq + 1; from <= replacedSeq; ) {
    const range = { pk: entryPk(id), from: entrySk(from), consistent: true };
    const { items } = await journal.env.stores.journal.query(range);
    if (items.length === 0) return false;
    for (const item of items) {
      const { seq, entry } = decodeEntryItem(item);
      if (entry.kind === 'replace' && entry.partition === partition) found.push({ seq, entry });
      from = seq + 1;
    }
  }
  await repairReplaces(env, journal, found);
  return true;
}

/** What the object holds; undefined if it cannot be read. */
async function directoryOf({ env }: Journal, { key, size }: BlobInfo): Promise<readonly DirectoryRow[] | undefined> {
  const { blobs } = env.stores;
  try {
    const from = Math.max(0, size - DIRECTORY_TAIL_BYTES);
    const tail = await blobs.getRange(key, from, size);
    // Deleted since it was listed.
    if (tail.kind === 'missing') return [];
    const outcome = decodeDirectory(key, tail.bytes, size);
    if (outcome.kind === 'directory') return outcome.rows;
    const { start, length } = outcome.range;
    const whole = await blobs.getRange(key, start, start + length);
    if (whole.kind === 'missing') return [];
    const read = decodeDirectory(key, whole.bytes, size);
    return read.kind === 'directory' ? read.rows : undefined;
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    reportFailure(env, 'error', { event: 'segment_object_unreadable', object: key, message: error.message });
    return undefined;
  }
}

/**
 * What the segment items say. The item of a segment that was replaced names its object until no put
 * of that segment can land any more, and is deleted here then.
 */
async function namingItems({ id, env }: Journal, rows: readonly DirectoryRow[], key: string): Promise<Naming> {
  const { state } = env.stores;
  const look = async ({ part: { partition, baseOffset } }: DirectoryRow): Promise<Naming> => {
    const items = new SegmentItems(state, topicIdOf(id), partition);
    const segment = (await items.up(baseOffset, baseOffset + 1, 1, true)).segments[0];
    if (segment?.key !== key) return 'unnamed';
    if (segment.state === 'live') return 'named';
    if (!isSettledReplaced(segment, state.now())) return 'unsettled';
    const { clock, random } = env;
    const range = { from: baseOffset, to: baseOffset + 1 };
    const isThat = ({ seq }: StoredSegment) => seq === segment.seq;
    await removeSegments({ state, clock, random }, items, range, isThat, { deadline: Number.POSITIVE_INFINITY });
    return 'unnamed';
  };
  const found = await each({ atOnce: AT_ONCE }, rows, look);
  if (found.includes('named')) return 'named';
  return found.includes('unsettled') ? 'unsettled' : 'unnamed';
}
