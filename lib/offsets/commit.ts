import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { TransactionalProducer } from '../core/transactional-producer.ts';
import { inRounds } from '../kit/rounds.ts';
import { type BlockStore, cacheKey, type StoredBlock } from './block-store.ts';
import { type BlockTopic, decideCommit, type OffsetToCommit } from './decide.ts';
import type {
  CheckedClaim,
  CommitKind,
  MemberClaim,
  OffsetGroups,
  OffsetsEnvironment,
  Refused,
} from './environment.ts';
import { isOf, type TransactionOf } from './pending.ts';
import { type BlockPart, splitIntoBlocks } from './split.ts';
import type { OffsetTransactions } from './transactions.ts';
import type { Turns } from './turns.ts';

export interface Commit {
  readonly groupId: string;
  readonly claim: MemberClaim;
  readonly kind: CommitKind;
  /**
   * The transaction to which the offsets belong (TxnOffsetCommit). They take effect when it commits.
   */
  readonly producer?: TransactionalProducer | undefined;
  readonly topics: readonly { readonly topic: BlockTopic; readonly wanted: readonly OffsetToCommit[] }[];
}

/** The result of a partition; 'NONE' if its offset is committed. */
export type CommitOutcome = (topic: BlockTopic, partition: number) => ErrorName;

/** What the commits of a process share. */
export interface CommitRoom {
  readonly env: OffsetsEnvironment;
  readonly blocks: BlockStore;
  readonly groups: OffsetGroups;
  readonly transactions: OffsetTransactions;
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
 * a conflict the group is read again. Offsets of a transaction also need the coordinator's item
 * (rule R14), which is read after the block, and again after a conflict. A put that lands after the
 * transaction has ended leaves offsets that are void.
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

/** The commit may be written now. `transaction`: the open one, of a transactional commit. */
interface Checked {
  readonly claim: CheckedClaim & { kind: 'ok' };
  readonly transaction?: TransactionOf | undefined;
}

/**
 * In Kafka's order: the transaction before the group, since a refused commit must not create a group.
 * `begun`: the transaction that has some of the request's offsets already. They are not spread over
 * two.
 */
async function check(
  { groups, transactions }: CommitRoom,
  { groupId, claim, kind, producer }: Commit,
  begun: TransactionOf | undefined,
  context: RequestContext,
): Promise<({ readonly kind: 'ok' } & Checked) | Refused> {
  let transaction: TransactionOf | undefined;
  if (producer !== undefined) {
    const joined = await transactions.join({ ...producer, groupId });
    if (joined.kind === 'refused') return joined;
    transaction = { transactionalId: producer.transactionalId, transaction: joined.transaction };
    if (begun !== undefined && !isOf(transaction, begun)) return { kind: 'refused', error: 'TRANSACTION_ABORTABLE' };
  }
  const checked = await groups.checkCommit(groupId, claim, kind, context);
  return checked.kind === 'refused' ? checked : { kind: 'ok', claim: checked, transaction };
}

async function commitParts(
  room: CommitRoom,
  commit: Commit,
  parts: readonly BlockPart<OffsetToCommit>[],
  context: RequestContext,
): Promise<CommitOutcome> {
  const { env, blocks } = room;
  const errors = new Map<string, ErrorName>();
  const fail = (part: OpenPart, error: ErrorName): 'done' => {
    for (const { partition } of part.wanted) errors.set(`${part.topic.id}/${partition}`, error);
    return 'done';
  };
  let open: OpenPart[] = parts.map((part) => ({ ...part, stored: blocks.peek(part.key), confirmed: false }));

  let begun: TransactionOf | undefined;
  await inRounds(env, context, async () => {
    await Promise.all(open.filter(({ stored }) => stored === undefined).map((part) => confirm(blocks, part)));
    const checked = await check(room, commit, begun, context);
    if (checked.kind === 'refused') {
      for (const part of open) fail(part, checked.error);
      open = [];
      return 'done';
    }
    begun = checked.transaction;
    const outcomes = await Promise.all(
      open.map(async (part) => ({ part, outcome: await commitPart(part, commit, checked) })),
    );
    open = outcomes.filter(({ outcome }) => outcome !== 'done').map(({ part }) => part);
    if (open.length === 0) return 'done';
    return outcomes.some(({ outcome }) => outcome === 'again') ? 'again' : 'againAtOnce';
  });
  for (const part of open) fail(part, UNKNOWN);
  return (topic, partition) => errors.get(`${topic.id}/${partition}`) ?? 'NONE';

  async function commitPart(part: OpenPart, { claim }: Commit, { claim: checked, transaction }: Checked) {
    const now = env.state.now();
    const stored = part.stored!;
    const { facts, partitionProblem } = checked;
    const request = {
      topic: part.topic,
      generation: claim.generationOrEpoch,
      offsets: part.wanted,
      transaction,
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
