import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import { inRounds } from '../kit/rounds.ts';
import { type BlockStore, cacheKey, type StoredBlock } from './block-store.ts';
import { type BlockTopic, decideCommit, type OffsetToCommit } from './decide.ts';
import type { CheckedClaim, CommitKind, MemberClaim, OffsetGroups, OffsetsEnvironment } from './environment.ts';
import { type BlockPart, splitIntoBlocks } from './split.ts';
import type { Turns } from './turns.ts';

export interface Commit {
  readonly groupId: string;
  readonly claim: MemberClaim;
  readonly kind: CommitKind;
  readonly topics: readonly { readonly topic: BlockTopic; readonly wanted: readonly OffsetToCommit[] }[];
}

/** The result of a partition; 'NONE' if its offset is committed. */
export type CommitOutcome = (topic: BlockTopic, partition: number) => ErrorName;

/** What the commits of a process share. */
export interface CommitRoom {
  readonly env: OffsetsEnvironment;
  readonly blocks: BlockStore;
  readonly groups: OffsetGroups;
  readonly turns: Turns;
}

/** The error if the outcome of a put is unknown. The client retries. */
const UNKNOWN: ErrorName = 'COORDINATOR_NOT_AVAILABLE';

interface OpenPart extends BlockPart<OffsetToCommit> {
  stored: StoredBlock | undefined;
  /** Whether `stored` was read since this commit began. A cached block may be outdated. */
  confirmed: boolean;
}

/**
 * Commits offsets: reads the block, then the group, then puts (rules R6 and R13). The partitions of
 * a block are committed by one conditional put. It fails if the block has changed since it was read
 * or written here. If it succeeds, the group's state, which was read in between, still holds. After
 * a conflict the group is read again.
 *
 * Blocks are independent of each other. After a crash or a partial failure some may be committed
 * and others not. The client retries, and offsets that are already committed cost no put. Throws
 * StoreUnavailableError.
 */
export async function commitOffsets(room: CommitRoom, commit: Commit, context: RequestContext): Promise<CommitOutcome> {
  const parts = splitIntoBlocks(commit.groupId, commit.topics, ({ partition }) => partition);
  const keys = parts.map(({ key }) => cacheKey(key));
  // Commits of this process to the same block run one after the other. Otherwise each would make
  // the other's put fail.
  return room.turns.run(keys, () => commitParts(room, commit, parts, context));
}

async function commitParts(
  { env, blocks, groups }: CommitRoom,
  commit: Commit,
  parts: readonly BlockPart<OffsetToCommit>[],
  context: RequestContext,
): Promise<CommitOutcome> {
  const errors = new Map<string, ErrorName>();
  const fail = (part: OpenPart, error: ErrorName): 'done' => {
    for (const { partition } of part.wanted) errors.set(`${part.topic.id}/${partition}`, error);
    return 'done';
  };
  let open: OpenPart[] = parts.map((part) => ({ ...part, stored: blocks.peek(part.key), confirmed: false }));

  await inRounds(env, context, async () => {
    await Promise.all(open.filter(({ stored }) => stored === undefined).map((part) => confirm(blocks, part)));
    const checked = await groups.checkCommit(commit.groupId, commit.claim, commit.kind, context);
    if (checked.kind === 'refused') {
      for (const part of open) fail(part, checked.error);
      open = [];
      return 'done';
    }
    const outcomes = await Promise.all(
      open.map(async (part) => ({ part, outcome: await commitPart(part, commit, checked) })),
    );
    open = outcomes.filter(({ outcome }) => outcome !== 'done').map(({ part }) => part);
    if (open.length === 0) return 'done';
    return outcomes.some(({ outcome }) => outcome === 'again') ? 'again' : 'againAtOnce';
  });
  for (const part of open) fail(part, UNKNOWN);
  return (topic, partition) => errors.get(`${topic.id}/${partition}`) ?? 'NONE';

  async function commitPart(part: OpenPart, { claim }: Commit, checked: CheckedClaim & { kind: 'ok' }) {
    const now = env.state.now();
    const stored = part.stored!;
    const { facts, partitionProblem } = checked;
    const request = {
      topic: part.topic,
      generation: claim.generationOrEpoch,
      offsets: part.wanted,
      ...(partitionProblem === undefined ? {} : { partitionProblem }),
    };
    const decision = decideCommit(stored.block, request, facts, now, env.settings);
    if (decision.change.kind === 'same') {
      // A cached block may be outdated. If so, this commit does change something.
      if (!part.confirmed && !(await confirm(blocks, part, stored.version))) return 'againAtOnce';
    } else {
      const outcome = await blocks.apply(part.key, stored, decision.change, now);
      if (outcome.kind === 'conflict') {
        part.stored = outcome.stored;
        part.confirmed = true;
        return 'again';
      }
      if (outcome.kind === 'uncertain') return fail(part, UNKNOWN);
      if (outcome.kind === 'tooLarge') return fail(part, 'OFFSET_METADATA_TOO_LARGE');
    }
    for (const [partition, error] of decision.errors) errors.set(`${part.topic.id}/${partition}`, error);
    return 'done';
  }
}

/** Reads the part's block. True if it has the version `known`. */
async function confirm(blocks: BlockStore, part: OpenPart, known?: number): Promise<boolean> {
  part.stored = await blocks.read(part.key);
  part.confirmed = true;
  return part.stored.version === known;
}
