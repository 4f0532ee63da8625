import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { each } from '../kit/each.ts';
import { inRounds } from '../kit/rounds.ts';
import type { OffsetsBlock } from '../storage/items/committed-offsets.ts';
import { isSettled } from '../storage/late-puts.ts';
import { type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { type BlockKey, type BlockStore, cacheKey, type StoredBlock } from './block-store.ts';
import { type BlockChange, type BlockTopic, decideDelete, decideExpiry } from './decide.ts';
import { dropEnded } from './end-pending.ts';
import { type GroupFacts, NO_MEMBER, type OffsetGroups, type OffsetsEnvironment } from './environment.ts';
import { type BlockPart, splitIntoBlocks } from './split.ts';
import type { OffsetTransactions } from './transactions.ts';

export interface OffsetsToDelete {
  readonly groupId: string;
  readonly topics: readonly { readonly topic: BlockTopic; readonly wanted: readonly number[] }[];
}

export interface DeleteRoom {
  readonly env: OffsetsEnvironment;
  readonly blocks: BlockStore;
  readonly groups: OffsetGroups;
  readonly transactions: OffsetTransactions;
}

/** `deleted`: all partitions, except those of topics for which `error` returns an error. */
export type DeleteOutcome =
  | { readonly kind: 'deleted'; readonly error: (topic: BlockTopic) => ErrorName }
  | { readonly kind: 'refused'; readonly error: ErrorName };

/**
 * OffsetDelete: deletes offsets of topics to which the group is not subscribed. Idempotent. Throws
 * StoreUnavailableError.
 */
export async function deleteOffsets(
  room: DeleteRoom,
  request: OffsetsToDelete,
  context: RequestContext,
): Promise<DeleteOutcome> {
  const parts = splitIntoBlocks(request.groupId, request.topics, (partition) => partition);
  const subscribed = new Set<string>();
  let refused: ErrorName | undefined;
  await changeBlocks(room, parts, context, async () => {
    const checked = await room.groups.checkFetch(request.groupId, NO_MEMBER, context);
    if (checked.kind === 'absent') refused = 'GROUP_ID_NOT_FOUND';
    else if (checked.kind === 'refused') refused = checked.error;
    else refused = checked.facts.deleteProblem;
    if (refused !== undefined || checked.kind !== 'ok') return undefined;
    const { facts } = checked;
    return (part, stored) => {
      if (!facts.isSubscribedTo(part.topic.name)) return decideDelete(stored.block, part.topic, part.wanted, facts);
      subscribed.add(part.topic.id);
      return { kind: 'same' };
    };
  });
  if (refused !== undefined) return { kind: 'refused', error: refused };
  return { kind: 'deleted', error: ({ id }) => (subscribed.has(id) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE') };
}

/** Topics that are looked up concurrently. */
const READS_AT_ONCE = 32;

/** Time limit of one removal of expired offsets, which the next one continues; ms. */
const EXPIRY_MAX_MS = 10_000;

/**
 * Removes the expired offsets of a group without members, and those of deleted topics. `facts`
 * describe a group that has been empty for longer than the retention. A member can enter such a
 * group only after this removal, so the facts still hold. Idempotent. Throws StoreUnavailableError.
 */
export async function expireOffsets(
  room: DeleteRoom,
  groupId: string,
  facts: GroupFacts,
  isThere: (topicId: Uuid) => Promise<boolean>,
): Promise<void> {
  const { env, blocks } = room;
  const context = { deadline: env.clock.monotonic() + EXPIRY_MAX_MS, signal: new AbortController().signal };
  const parts: BlockPart<never>[] = [];
  const there = new Map<Uuid, boolean>();
  for await (const { key, stored } of blocks.list(groupId)) {
    // Nobody else may come upon an offset that was left pending, and it would never expire.
    if (stored.block !== undefined) await dropEnded(room, key, stored, null, context);
    parts.push({ key, topic: { id: key.topicId, name: stored.block?.topicName ?? '' }, wanted: [] });
  }
  const ids = [...new Set(parts.map(({ topic }) => topic.id))];
  await each({ atOnce: READS_AT_ONCE }, ids, async (id) => there.set(id, await isThere(id)));
  const change = ({ topic }: BlockPart<never>, { block, version }: StoredBlock): BlockChange => {
    if (block === undefined) return { kind: 'same' };
    // Writing an empty block again would renew its version, and it would never be old enough to go.
    if (isEmptyBlock(block) && !isSettled(version, env.state.now())) return { kind: 'same' };
    if (there.get(topic.id) !== true) return { kind: 'remove', block: { ...block, committed: new Map(), pending: [] } };
    return decideExpiry(block, topic, facts, env.state.now(), env.settings);
  };
  await changeBlocks(room, parts, context, async () => change);
}

/**
 * Removes the offsets of a deleted group. Its head is deleted before. From then on these offsets do
 * not count, even for a new group of the same name. After a crash, a repeated call removes the
 * rest. `groupSince`: creation time of the deleted group (store time). True if nothing is left. A
 * block that was written recently is only emptied, and a later call removes it. Throws
 * StoreUnavailableError.
 */
export async function removeGroupOffsets(
  { env, blocks }: Pick<DeleteRoom, 'env' | 'blocks'>,
  groupId: string,
  groupSince: StoreTime,
): Promise<boolean> {
  let isAllGone = true;
  for await (const { key, stored } of blocks.list(groupId)) {
    let current = stored;
    for (let attempt = 0; current.block !== undefined && current.block.groupSince <= groupSince; attempt++) {
      if (attempt === ATTEMPTS_MAX) throw new StoreUnavailableError(`offsets of group ${groupId} could not be removed`);
      const now = env.state.now();
      const isYoung = !isSettled(current.version, now);
      if (isYoung) isAllGone = false;
      if (isYoung && isEmptyBlock(current.block)) break;
      const block = { ...current.block, committed: new Map(), pending: [] };
      const outcome = await blocks.apply(key, current, { kind: 'remove', block }, now);
      if (outcome.kind === 'committed') break;
      current = outcome.kind === 'conflict' ? outcome.stored : await blocks.read(key);
    }
  }
  return isAllGone;
}

/**
 * Removes the items of a group without members that hold no offset and are old enough. Pending
 * offsets of transactions that have ended are no offsets. True if any item is left. Throws
 * StoreUnavailableError.
 */
export async function keepsOffsets(room: Omit<DeleteRoom, 'groups'>, groupId: string): Promise<boolean> {
  const { env, blocks } = room;
  let keeps = false;
  for await (const { key, stored: listed } of blocks.list(groupId)) {
    if (listed.block !== undefined && listed.block.committed.size > 0) return true;
    const stored = await dropEnded(room, key, listed, null, {});
    if (stored.block !== undefined && !isEmptyBlock(stored.block)) return true;
    // In a group without members, stamps without offsets can be deleted. If a member has read the
    // block since, its version has changed and the delete fails.
    const isOld = isSettled(stored.version, env.state.now());
    if (!isOld || (await blocks.remove(key, stored.version)).kind !== 'committed') keeps = true;
  }
  return keeps;
}

function isEmptyBlock({ committed, pending }: OffsetsBlock): boolean {
  return committed.size === 0 && pending.length === 0;
}

/**
 * Attempts per block. Only requests that were already in progress change the offsets of a deleted
 * group, and these are few.
 */
const ATTEMPTS_MAX = 20;

/** Changes blocks. After each conflict, `decide` is called again with the group's new state. */
async function changeBlocks<T>(
  { env, blocks }: DeleteRoom,
  parts: readonly BlockPart<T>[],
  context: Pick<RequestContext, 'deadline' | 'signal'>,
  decide: () => Promise<((part: BlockPart<T>, stored: StoredBlock) => BlockChange) | undefined>,
): Promise<void> {
  const known = new Map<string, StoredBlock>();
  const load = async (key: BlockKey) => known.set(cacheKey(key), known.get(cacheKey(key)) ?? (await blocks.read(key)));
  let open = parts;
  const finished = await inRounds(env, context, async () => {
    await Promise.all(open.map(({ key }) => load(key)));
    const change = await decide();
    if (change === undefined) return 'done';
    const left = await Promise.all(open.map((part) => changeOne(part, change)));
    open = left.filter((part) => part !== undefined);
    return open.length === 0 ? 'done' : 'again';
  });
  if (!finished) throw new StoreUnavailableError('too many conflicting writes to the offsets');

  async function changeOne(part: BlockPart<T>, change: (part: BlockPart<T>, stored: StoredBlock) => BlockChange) {
    const stored = known.get(cacheKey(part.key))!;
    const wanted = change(part, stored);
    if (wanted.kind === 'same') return undefined;
    const outcome = await blocks.apply(part.key, stored, wanted, env.state.now());
    if (outcome.kind === 'committed') return undefined;
    if (outcome.kind === 'conflict') known.set(cacheKey(part.key), outcome.stored);
    else known.delete(cacheKey(part.key));
    return part;
  }
}
