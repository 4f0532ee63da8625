import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { CHECKPOINT_SK, checkpointPk, decodeCheckpointItem } from '../storage/items/checkpoint.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { type BlobInfo, StoreUnavailableError } from '../storage/ports.ts';
import { OBJECT_SETTLED_AFTER_MS } from './checkpoint.ts';
import type { JournalEnvironment } from './environment.ts';

const PREFIX = 'checkpoint/';

/** Objects per S3 list call. */
const PAGE = 1_000;

export interface CollectedCheckpoints {
  /**
   * Key of the last object of the last journal that was finished. Undefined: the next call starts
   * from the beginning.
   */
  readonly cursor: string | undefined;
  /** False if the deadline came before the last object. */
  readonly isComplete: boolean;
  readonly counts: {
    /** Objects listed. */
    readonly looked: number;
    readonly deleted: number;
    /** Journals skipped because their checkpoint item could not be decoded or processed. */
    readonly skipped: number;
  };
}

/**
 * Deletes objects of checkpoints that newer ones have replaced (rule R5). For a journal with more
 * than one object it reads the checkpoint item, strongly consistent. If the item names a settled
 * object, all older objects were replaced at least as long ago, because checkpoints only go up
 * (R4). If the item names no object, or one that is not settled, the journal's objects stay.
 * Continues after `cursor` and ends by `deadline` (Clock.monotonic()). Throws
 * StoreUnavailableError.
 */
export async function collectCheckpoints(
  env: JournalEnvironment,
  unreadable: UnreadableItems,
  cursor: string | undefined,
  deadline: number,
): Promise<CollectedCheckpoints> {
  const counts = { looked: 0, deleted: 0, skipped: 0 };
  let finished = cursor;
  let after = cursor;
  /** The objects of one journal, which can span pages. Keys are sorted by journal. */
  let objects: BlobInfo[] = [];
  const finish = async () => {
    const deleted = objects.length > 1 ? await collectOrPassOver(env, unreadable, objects) : 0;
    if (deleted === 'skipped') counts.skipped++;
    else counts.deleted += deleted;
    finished = objects.at(-1)?.key ?? finished;
    objects = [];
  };
  for (;;) {
    const page = await env.stores.blobs.list(PREFIX, after, PAGE);
    for (const object of page) {
      if (env.clock.monotonic() >= deadline) return { cursor: finished, isComplete: false, counts };
      counts.looked++;
      const previous = objects[0];
      if (previous !== undefined && journalOf(previous) !== journalOf(object)) await finish();
      objects.push(object);
    }
    after = page.at(-1)?.key ?? after;
    if (page.length < PAGE) break;
  }
  await finish();
  return { cursor: undefined, isComplete: true, counts };
}

async function collectOrPassOver(
  env: JournalEnvironment,
  unreadable: UnreadableItems,
  objects: readonly BlobInfo[],
): Promise<number | 'skipped'> {
  const name = checkpointPk(journalOf(objects[0]!));
  try {
    const deleted = await collectJournal(env, objects);
    unreadable.readable(name);
    return deleted;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    unreadable.skip(name, error);
    return 'skipped';
  }
}

async function collectJournal(env: JournalEnvironment, objects: readonly BlobInfo[]): Promise<number> {
  const { state, blobs } = env.stores;
  const journal = journalOf(objects[0]!);
  const { item } = await state.get(checkpointPk(journal), CHECKPOINT_SK, true);
  if (item === undefined) return 0;
  const checkpoint = decodeCheckpointItem(item.body);
  const settledBefore = state.now() - OBJECT_SETTLED_AFTER_MS;
  const named = checkpoint.kind === 'blob' ? objects.find(({ key }) => key === checkpoint.key) : undefined;
  if (named === undefined || !(named.modified < settledBefore)) return 0;
  const replaced = objects.filter((object) => object !== named && object.modified < settledBefore);
  for (const { key } of replaced) await blobs.delete(key);
  return replaced.length;
}

/**
 * A key is `checkpoint/<topic id>/<number>/<slot>-<nonce>`; the journal's id is `<topic
 * id>/<number>`.
 */
function journalOf({ key }: BlobInfo): JournalId {
  return key.slice(PREFIX.length, key.lastIndexOf('/'));
}
