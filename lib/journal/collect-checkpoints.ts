import { CHECKPOINT_SK, checkpointPk, decodeCheckpointItem } from '../storage/items/checkpoint.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { type BlobInfo, MAX_SIGNATURE_AGE_MS } from '../storage/ports.ts';
import { NAME_WITHIN_MS, OBJECT_GRACE_MS } from './checkpoint.ts';
import type { JournalEnvironment } from './environment.ts';

const PREFIX = 'checkpoint/';

/** What S3 lists in one call. */
const PAGE = 1_000;

/**
 * An object that was put longer ago can neither be named any more (signed within NAME_WITHIN_MS, landed within
 * MAX_SIGNATURE_AGE_MS after that), nor has it named a checkpoint for less than the grace; ms.
 */
const SETTLED_AFTER_MS = NAME_WITHIN_MS + MAX_SIGNATURE_AGE_MS + OBJECT_GRACE_MS;

export interface CollectedCheckpoints {
  /** Objects that were listed. */
  readonly looked: number;
  readonly deleted: number;
  /** False where the time was not enough for all of them. */
  readonly isComplete: boolean;
}

/**
 * Deletes objects of checkpoints that newer ones have replaced (rule R5). A journal with more than one object has its item
 * read, strongly consistent: where it names an object that is settled, everything older was replaced at least as long ago, as
 * checkpoints only go up (R4). Objects of a journal whose item names none, or one of the last minutes, stay. Ends by `deadline`
 * (Clock.monotonic()). Throws StoreUnavailableError.
 */
export async function collectCheckpoints(env: JournalEnvironment, deadline: number): Promise<CollectedCheckpoints> {
  let looked = 0;
  let deleted = 0;
  let after: string | undefined;
  /** Of one journal, which may go over the end of a page; keys sort by journal. */
  let objects: BlobInfo[] = [];
  const finish = async () => {
    if (objects.length > 1) deleted += await collectJournal(env, objects);
    objects = [];
  };
  for (;;) {
    const page = await env.stores.blobs.list(PREFIX, after, PAGE);
    for (const object of page) {
      if (env.clock.monotonic() >= deadline) return { looked, deleted, isComplete: false };
      looked++;
      const previous = objects[0];
      if (previous !== undefined && journalOf(previous) !== journalOf(object)) await finish();
      objects.push(object);
    }
    after = page.at(-1)?.key;
    if (page.length < PAGE) break;
  }
  await finish();
  return { looked, deleted, isComplete: true };
}

async function collectJournal(env: JournalEnvironment, objects: readonly BlobInfo[]): Promise<number> {
  const { state, blobs } = env.stores;
  const journal = journalOf(objects[0]!);
  const { item } = await state.get(checkpointPk(journal), CHECKPOINT_SK, true);
  if (item === undefined) return 0;
  const checkpoint = decodeCheckpointItem(item.body);
  const settledBefore = state.now() - SETTLED_AFTER_MS;
  const named = checkpoint.kind === 'blob' ? objects.find(({ key }) => key === checkpoint.key) : undefined;
  if (named === undefined || !(named.modified < settledBefore)) return 0;
  const replaced = objects.filter((object) => object !== named && object.modified < settledBefore);
  for (const { key } of replaced) await blobs.delete(key);
  return replaced.length;
}

/** `checkpoint/<topic id>/<number>/<slot>-<nonce>`: the part between is the journal's id. */
function journalOf({ key }: BlobInfo): JournalId {
  return key.slice(PREFIX.length, key.lastIndexOf('/'));
}
