import { MalformedBytesError } from '../core/bytes.ts';
import type { Uuid } from '../core/uuid.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { each } from '../kit/each.ts';
import { type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import { segmentPk, segmentSk } from '../storage/items/segment.ts';
import { segmentOwner } from '../storage/items/segment-object.ts';
import type { Stores } from '../storage/ports.ts';
import { DIRECTORY_TAIL_BYTES, type DirectoryRow, decodeDirectory } from './format/directory.ts';
import { OBJECT_SETTLED_AFTER_MS } from './object-due.ts';
import { repairReplace } from './replace.ts';
import type { SealEnvironment } from './seal-environment.ts';
import { decodeItem } from './segment-items.ts';
import type { DueOutcome } from './sweep.ts';

export interface ObjectLookEnvironment extends SealEnvironment {
  readonly stores: Stores;
  /** Opens a journal; undefined if it does not exist. */
  readonly open: (journal: JournalId) => Promise<OpenJournal | undefined>;
}

/** Items read at the same time. */
const AT_ONCE = 16;

/**
 * Looks at an object with segments that is on the due list: deletes it if nothing names it and
 * nothing will (rule R5). References are read strongly consistent, after the object has settled:
 * those of the view, and the segment items of all parts in its directory. What is named stays, and
 * whoever removes the last item puts it on the list again.
 *
 * @throws StoreUnavailableError
 * @throws MalformedBytesError if the object cannot be read; then it stays
 */
export async function lookAtObject(env: ObjectLookEnvironment, key: string): Promise<DueOutcome> {
  const { blobs } = env.stores;
  const owner = segmentOwner(key);
  if (owner === undefined) throw new MalformedBytesError(`object ${key} is no segment set`);
  const [info] = await blobs.list(key, undefined, 1);
  if (info?.key !== key) return { next: undefined };
  const settledAt = Math.ceil(info.modified) + OBJECT_SETTLED_AFTER_MS + 1;
  if (!(blobs.now() >= settledAt)) return { next: settledAt };
  const rows = await readDirectory(env, key, info.size);
  const isNamed =
    owner.kind === 'journal'
      ? (await isNamedBySeal(env, owner.journal, key)) ||
        (await isNamedByItem(env, topicIdOf(owner.journal), key, rows))
      : await isNamedByReplacement(env, owner.topicId, key, rows);
  if (isNamed) return { next: undefined };
  await blobs.delete(key);
  return { next: undefined, counts: { deleted: 1, deletedBytes: info.size } };
}

/** The items of the newest seal may be missing; those of older ones were read back (rule R15). */
async function isNamedBySeal({ open }: ObjectLookEnvironment, id: JournalId, key: string): Promise<boolean> {
  const journal = await confirmed(await open(id));
  return journal?.view.lastSeal?.key === key;
}

/**
 * A partition's newest replacement may lack items; it is completed first. The entry of an older one
 * was written after its items.
 */
async function isNamedByReplacement(
  env: ObjectLookEnvironment,
  topicId: Uuid,
  key: string,
  rows: readonly DirectoryRow[],
): Promise<boolean> {
  for (const { part } of rows) {
    const segment = await env.index.find(topicId, part.partition, part.baseOffset, { consistent: true });
    if (segment === undefined) continue;
    const journal = await confirmed(await env.open(segment.journal));
    if (journal !== undefined) await repairReplace(env, journal, part.partition);
    break;
  }
  return isNamedByItem(env, topicId, key, rows);
}

async function isNamedByItem(
  { stores }: ObjectLookEnvironment,
  topicId: Uuid,
  key: string,
  rows: readonly DirectoryRow[],
): Promise<boolean> {
  let isNamed = false;
  await each({ atOnce: AT_ONCE }, rows, async ({ part }) => {
    if (isNamed) return;
    const { item } = await stores.state.get(segmentPk(topicId, part.partition), segmentSk(part.baseOffset), true);
    // A replaced segment's item counts: readers may still use its object.
    if (item !== undefined && decodeItem(item).key === key) isNamed = true;
  });
  return isNamed;
}

async function readDirectory(
  { stores: { blobs } }: ObjectLookEnvironment,
  key: string,
  size: number,
): Promise<readonly DirectoryRow[]> {
  for (let length = Math.min(size, DIRECTORY_TAIL_BYTES); ; ) {
    const tail = await blobs.getRange(key, size - length, size);
    if (tail.kind === 'missing') return [];
    const read = decodeDirectory(key, tail.bytes, size);
    if (read.kind === 'directory') return read.rows;
    length = read.range.length;
  }
}

/** The journal after a strongly consistent read. */
async function confirmed(open: OpenJournal | undefined): Promise<Journal | undefined> {
  await open?.journal.catchUp(true);
  return open?.journal;
}
