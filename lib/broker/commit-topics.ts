import type { Decisions } from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { each } from '../kit/each.ts';
import type { Commit, CommitOutcome } from '../offsets/commit.ts';
import type { OffsetToCommit } from '../offsets/decide.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { GroupBroker } from './broker.ts';
import { findTopic, hasPartition, type NamedTopic, withPartitions } from './group-topics.ts';

/** A topic with offsets to commit, as OffsetCommit and TxnOffsetCommit have it. */
interface CommittedTopic {
  readonly name: string;
  readonly topicId?: Uuid;
  readonly partitions: readonly CommittedPartition[];
}

interface CommittedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly committedMetadata: string | null;
}

/** A commit of the offsets of certain topics. */
export type CommitOf = Omit<Commit, 'topics'>;

/**
 * Commits the offsets of the topics and partitions that exist. The others are refused one by one. An
 * error of the group applies to every partition that exists; if it is known already, it stands in the
 * place of the commit. Returns the topics of the answer. Kafka leaves out those without partitions.
 */
export async function commitTopics<Topic extends CommittedTopic>(
  broker: GroupBroker,
  decisions: Decisions,
  topics: readonly Topic[],
  nameOf: (topic: Topic) => NamedTopic,
  commit: CommitOf | ErrorName,
  context: RequestContext,
  options: { readonly retentionMs?: number | undefined; readonly toClient?: (error: ErrorName) => ErrorName } = {},
) {
  const { retentionMs, toClient = (error) => error } = options;
  const found = await each(broker, topics, async (reference) => {
    const topic = await findTopic(broker, decisions, 'READ', nameOf(reference));
    if (topic.kind === 'failed') return topic;
    const asked = reference.partitions.map(({ partitionIndex }) => partitionIndex);
    return { kind: 'found' as const, topic: await withPartitions(broker, topic.topic, asked) };
  });
  const parts = topics.flatMap(({ partitions }, index) => {
    const one = found[index]!;
    if (one.kind === 'failed') return [];
    const there = partitions.filter(({ partitionIndex }) => hasPartition(one.topic, partitionIndex));
    return [{ topic: one.topic.record, wanted: there.map((partition) => toCommit(partition, retentionMs)) }];
  });
  const outcome = await outcomeOf(broker, commit, parts, context);
  return topics.flatMap((topic, index) => {
    const one = found[index]!;
    const errorOf = (partition: number): ErrorName => {
      if (one.kind === 'failed') return one.error;
      return hasPartition(one.topic, partition)
        ? toClient(outcome(one.topic.record, partition))
        : 'UNKNOWN_TOPIC_OR_PARTITION';
    };
    return topic.partitions.length === 0 ? [] : [answerTopic(topic, errorOf)];
  });
}

/** The answer where all partitions have the same error. */
export function refuseTopics<Topic extends CommittedTopic>(topics: readonly Topic[], error: ErrorName) {
  return topics.filter(({ partitions }) => partitions.length > 0).map((topic) => answerTopic(topic, () => error));
}

function answerTopic<Topic extends CommittedTopic>(topic: Topic, errorOf: (partition: number) => ErrorName) {
  const { name, topicId, partitions } = topic;
  return {
    name,
    ...(topicId === undefined ? {} : { topicId }),
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: errorCode(errorOf(partitionIndex)),
    })),
  };
}

async function outcomeOf(
  { offsets }: GroupBroker,
  commit: CommitOf | ErrorName,
  topics: Commit['topics'],
  context: RequestContext,
): Promise<CommitOutcome> {
  if (typeof commit === 'string') return () => commit;
  if (topics.every(({ wanted }) => wanted.length === 0)) return () => 'NONE';
  try {
    return await offsets.commit({ ...commit, topics }, context);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return () => 'COORDINATOR_NOT_AVAILABLE';
  }
}

function toCommit(partition: CommittedPartition, retentionMs: number | undefined): OffsetToCommit {
  return {
    partition: partition.partitionIndex,
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    retentionMs,
  };
}
