import { ApiKey } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { TopicName } from './requests.ts';

/** Who commits or reads: a member, or nobody. */
export interface Committer {
  readonly memberId: string;
  readonly generation: number;
  readonly instanceId?: string | null;
}

export const NOBODY: Committer = { memberId: '', generation: -1 };

export interface CommitOptions {
  readonly version?: number;
  readonly by?: Committer;
  readonly metadata?: string | null;
  readonly leaderEpoch?: number;
}

/** Commits offsets of one topic, partition by partition; their error codes. */
export async function commitOffsets(
  client: KafkaClient,
  groupId: string,
  topic: TopicName,
  offsets: Readonly<Record<number, number>>,
  options: CommitOptions = {},
): Promise<number[]> {
  const { version = 9, by = NOBODY, metadata = null, leaderEpoch } = options;
  const { topics } = await client.ask(ApiKey.OffsetCommit, version, {
    groupId,
    generationIdOrMemberEpoch: by.generation,
    memberId: by.memberId,
    ...(version >= 7 ? { groupInstanceId: by.instanceId ?? null } : {}),
    topics: [
      {
        ...(version >= 10 ? { topicId: topic.id } : { name: topic.name }),
        partitions: Object.entries(offsets).map(([partition, committedOffset]) => ({
          partitionIndex: Number(partition),
          committedOffset,
          committedMetadata: metadata,
          ...(leaderEpoch === undefined ? {} : { committedLeaderEpoch: leaderEpoch }),
        })),
      },
    ],
  });
  return topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
}

export interface FetchOffsetsOptions {
  readonly version?: number;
  readonly by?: Committer;
  readonly requireStable?: boolean;
}

export interface FetchedPartition {
  readonly partitionIndex: number;
  readonly committedOffset: number;
  readonly committedLeaderEpoch: number;
  readonly metadata: string | null;
  readonly errorCode: number;
}

export interface FetchedGroup {
  readonly errorCode: number;
  readonly topics: readonly { name: string; topicId?: string; partitions: readonly FetchedPartition[] }[];
}

/** Reads a group's offsets: of partitions of one topic, or of everything. */
export async function fetchOffsets(
  client: KafkaClient,
  groupId: string,
  topic: TopicName | null,
  partitions: readonly number[] = [0],
  options: FetchOffsetsOptions = {},
): Promise<FetchedGroup> {
  const { version = 9, by, requireStable = false } = options;
  const named = topic && {
    ...(version >= 10 ? { topicId: topic.id } : { name: topic.name }),
    partitionIndexes: [...partitions],
  };
  const stable = version >= 7 ? { requireStable } : {};
  if (version < 8) {
    const topics = topic === null ? null : [{ name: topic.name, partitionIndexes: [...partitions] }];
    return client.ask(ApiKey.OffsetFetch, version, { groupId, topics, ...stable });
  }
  const member = version >= 9 && by !== undefined ? { memberId: by.memberId, memberEpoch: by.generation } : {};
  const { groups } = await client.ask(ApiKey.OffsetFetch, version, {
    groups: [{ groupId, ...member, topics: named && [named] }],
    ...stable,
  });
  return groups[0]!;
}

/** The offsets in an answer about one topic, in order of the partitions; an error's code as text. */
export function offsetsIn(group: FetchedGroup): (number | string)[] {
  if (group.errorCode !== 0) return [`error ${group.errorCode}`];
  return group.topics.flatMap(({ partitions }) =>
    partitions.map(({ errorCode, committedOffset }) => (errorCode === 0 ? committedOffset : `error ${errorCode}`)),
  );
}

/** Deletes a group's offsets of one topic; the error of the whole, and of each partition. */
export async function deleteOffsets(
  client: KafkaClient,
  groupId: string,
  topic: string,
  partitions: readonly number[],
) {
  const answer = await client.ask(ApiKey.OffsetDelete, 0, {
    groupId,
    topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
  });
  return {
    error: answer.errorCode,
    partitions: answer.topics.flatMap((one) => one.partitions.map(({ errorCode }) => errorCode)),
  };
}
