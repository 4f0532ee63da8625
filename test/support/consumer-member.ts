import { ApiKey, type RequestInput, type ResponseBody } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';

export type HeartbeatAnswer = ResponseBody<typeof ApiKey.ConsumerGroupHeartbeat>;
type HeartbeatBody = RequestInput<typeof ApiKey.ConsumerGroupHeartbeat>;

/** What a member says when it joins. */
export function joining(groupId: string, memberId: string, topics: readonly string[] | null): HeartbeatBody {
  return {
    groupId,
    memberId,
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 30_000,
    subscribedTopicNames: topics === null ? null : [...topics],
    subscribedTopicRegex: null,
    serverAssignor: null,
    topicPartitions: [],
  };
}

/** A member of a consumer group (KIP-848) that does what it is told to at once, and says so with its next heartbeat. */
export class ConsumerMember {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly memberId: string;
  readonly #join: Partial<HeartbeatBody>;
  #topics: readonly string[];
  epoch = 0;
  heartbeatIntervalMs = 0;
  /** 'topic id partition' of all that it has. */
  owned: readonly string[] = [];
  /** What it has to acknowledge; null if nothing. */
  #told: NonNullable<HeartbeatBody['topicPartitions']> | null = null;

  constructor(
    client: KafkaClient,
    groupId: string,
    memberId: string,
    topics: readonly string[],
    join: Partial<HeartbeatBody> = {},
  ) {
    this.client = client;
    this.groupId = groupId;
    this.memberId = memberId;
    this.#topics = topics;
    this.#join = join;
  }

  /** Joins or, as a member, acknowledges what it was told. */
  async heartbeat(): Promise<HeartbeatAnswer> {
    const join = { ...joining(this.groupId, this.memberId, this.#topics), ...this.#join };
    const body: HeartbeatBody =
      this.epoch === 0
        ? join
        : {
            groupId: this.groupId,
            memberId: this.memberId,
            memberEpoch: this.epoch,
            instanceId: this.#join.instanceId ?? null,
            topicPartitions: this.#told,
          };
    const answer = await this.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, body);
    this.#told = null;
    if (answer.errorCode !== 0) return answer;
    this.epoch = answer.memberEpoch;
    this.heartbeatIntervalMs = answer.heartbeatIntervalMs;
    if (answer.assignment !== null) {
      this.#told = answer.assignment.topicPartitions.map(({ topicId, partitions }) => ({
        topicId,
        partitions: [...partitions],
      }));
      this.owned = this.#told.flatMap(({ topicId, partitions }) => partitions.map((one) => `${topicId} ${one}`));
    }
    return answer;
  }

  /** Asks for other topics. */
  async subscribe(topics: readonly string[]): Promise<HeartbeatAnswer> {
    this.#topics = topics;
    const answer = await this.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, {
      groupId: this.groupId,
      memberId: this.memberId,
      memberEpoch: this.epoch,
      subscribedTopicNames: [...topics],
    });
    this.epoch = answer.memberEpoch;
    if (answer.assignment !== null) {
      this.#told = answer.assignment.topicPartitions.map(({ topicId, partitions }) => ({
        topicId,
        partitions: [...partitions],
      }));
      this.owned = this.#told.flatMap(({ topicId, partitions }) => partitions.map((one) => `${topicId} ${one}`));
    }
    return answer;
  }

  async leave(memberEpoch: -1 | -2 = -1): Promise<HeartbeatAnswer> {
    return this.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, {
      groupId: this.groupId,
      memberId: this.memberId,
      memberEpoch,
      instanceId: this.#join.instanceId ?? null,
    });
  }
}

/** What ConsumerGroupDescribe says of one group. */
export async function describeConsumerGroup(client: KafkaClient, groupId: string) {
  const { groups } = await client.ask(ApiKey.ConsumerGroupDescribe, 1, {
    groupIds: [groupId],
    includeAuthorizedOperations: true,
  });
  return groups[0]!;
}
