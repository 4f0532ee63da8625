import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { inRounds } from '../kit/rounds.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { type BlockStore, cacheKey, type StoredBlock } from './block-store.ts';
import { type BlockTopic, decideFetch, type FetchedOffset } from './decide.ts';
import { dropEnded } from './end-pending.ts';
import type { GroupFacts, MemberClaim, OffsetGroups, OffsetsEnvironment } from './environment.ts';
import { type BlockPart, splitIntoBlocks } from './split.ts';
import type { OffsetTransactions } from './transactions.ts';

export interface OffsetsToFetch {
  readonly groupId: string;
  readonly claim: MemberClaim;
  /** Null for all offsets of the group. */
  readonly topics: readonly { readonly topic: BlockTopic; readonly wanted: readonly number[] }[] | null;
  readonly requireStable: boolean;
}

export interface FetchedTopic {
  readonly topic: BlockTopic;
  readonly offsets: readonly FetchedOffset[];
}

/** `absent`: the group does not exist, and therefore has no offsets. */
export type FetchOutcome =
  | { readonly kind: 'fetched'; readonly topics: readonly FetchedTopic[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly error: ErrorName };

export interface FetchRoom {
  readonly env: OffsetsEnvironment;
  readonly blocks: BlockStore;
  readonly groups: OffsetGroups;
  readonly transactions: OffsetTransactions;
}

interface OpenPart extends BlockPart<number> {
  /** Null for all partitions of the block. */
  readonly partitions: readonly number[] | null;
  stored: StoredBlock | undefined;
}

/** If a topic has more blocks than this, one query costs less than a read of each block. */
const READS_PER_TOPIC_MAX = 2;

/**
 * Reads offsets, strongly consistent. Before a possible member gets them, the group's generation is
 * written to their items (rule R13). From then on, commits that a member of an earlier generation
 * has in flight fail. This costs the first reader of a generation one put per block, even if
 * nothing is committed yet. Later readers only read. A request for all offsets of a group without a
 * member id counts as an administrator's. A reader who wants stable offsets and finds pending ones
 * asks the coordinator about their transactions. Throws StoreUnavailableError.
 */
export async function fetchOffsets(
  room: FetchRoom,
  fetch: OffsetsToFetch,
  context: RequestContext,
): Promise<FetchOutcome> {
  const { env, blocks, groups } = room;
  const check = () => groups.checkFetch(fetch.groupId, fetch.claim, context);
  const [first, parts] = await Promise.all([check(), openParts(blocks, fetch)]);
  if (first.kind !== 'ok') return first;

  const mayConsume = fetch.topics !== null || fetch.claim.memberId !== '';
  const shown: { readonly part: OpenPart; readonly offsets: readonly FetchedOffset[] }[] = [];
  let facts: GroupFacts | undefined = first.facts;
  let refused: FetchOutcome | undefined;
  let open = parts;
  const finished = await inRounds(env, context, async () => {
    if (facts === undefined) {
      const checked = await check();
      if (checked.kind !== 'ok') {
        refused = checked;
        return 'done';
      }
      facts = checked.facts;
    }
    const current = facts;
    facts = undefined;
    const left = await Promise.all(open.map((part) => fetchPart(part, current)));
    open = left.filter((part) => part !== undefined);
    return open.length === 0 ? 'done' : 'again';
  });
  if (refused !== undefined) return refused;
  if (!finished) throw new StoreUnavailableError(`too many conflicting writes to offsets of group ${fetch.groupId}`);
  return { kind: 'fetched', topics: byTopic(shown) };

  /** Undefined once the part's offsets are in `shown`. */
  async function fetchPart(part: OpenPart, group: GroupFacts): Promise<OpenPart | undefined> {
    const { key, topic, partitions } = part;
    const read = part.stored ?? (await blocks.read(key));
    const stored = fetch.requireStable ? await dropEnded(room, key, read, partitions, context) : read;
    // It was read after the group, which therefore is read again (rule R6).
    if (stored !== read) return { ...part, stored };
    const now = env.state.now();
    const request = { topic, partitions, mayConsume, requireStable: fetch.requireStable };
    const decision = decideFetch(stored.block, request, group, now, env.settings);
    if (decision.change.kind !== 'same') {
      const outcome = await blocks.apply(part.key, stored, decision.change, now);
      if (outcome.kind === 'conflict') return { ...part, stored: outcome.stored };
      if (outcome.kind !== 'committed') return { ...part, stored: undefined };
    }
    shown.push({ part, offsets: decision.offsets });
    return undefined;
  }
}

async function openParts(blocks: BlockStore, fetch: OffsetsToFetch): Promise<OpenPart[]> {
  const { groupId, topics } = fetch;
  if (topics === null) {
    const parts: OpenPart[] = [];
    for await (const { key, stored } of blocks.list(groupId)) {
      const topic = { id: key.topicId, name: stored.block?.topicName ?? '' };
      parts.push({ key, topic, wanted: [], partitions: null, stored });
    }
    return parts;
  }
  const perTopic = topics.map((topic) => splitIntoBlocks(groupId, [topic], (partition) => partition));
  return (await Promise.all(perTopic.map((parts) => readParts(blocks, parts)))).flat();
}

async function readParts(blocks: BlockStore, parts: readonly BlockPart<number>[]): Promise<OpenPart[]> {
  const open = (part: BlockPart<number>, stored: StoredBlock) => ({ ...part, partitions: part.wanted, stored });
  if (parts.length <= READS_PER_TOPIC_MAX) {
    return Promise.all(parts.map(async (part) => open(part, await blocks.read(part.key))));
  }
  const [{ key: ofTopic }] = parts as readonly [BlockPart<number>];
  const { groupId, topicId } = ofTopic;
  const found = new Map<string, StoredBlock>();
  for await (const { key, stored } of blocks.list(groupId, topicId)) found.set(cacheKey(key), stored);
  return parts.map((part) => open(part, found.get(cacheKey(part.key)) ?? NOTHING));
}

const NOTHING: StoredBlock = { block: undefined, version: 0 };

function byTopic(shown: readonly { part: OpenPart; offsets: readonly FetchedOffset[] }[]): FetchedTopic[] {
  const topics = new Map<Uuid, { readonly topic: BlockTopic; readonly offsets: FetchedOffset[] }>();
  const inOrder = [...shown].sort((a, b) => a.part.key.block - b.part.key.block);
  for (const { part, offsets } of inOrder) {
    const known = topics.get(part.topic.id);
    if (known === undefined) topics.set(part.topic.id, { topic: part.topic, offsets: [...offsets] });
    else known.offsets.push(...offsets);
  }
  return [...topics.values()];
}
