import { type Clock, sleep } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { ApiKey, type RequestInput, type ResponseBody } from '../../wire/apis.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../../wire/messages/consumer-protocol.ts';
import { brokerRefusal, isRetriable, kafkaErrorName } from '../failure.ts';
import { Attempts } from './attempts.ts';
import { ConnectionError } from './connection-problem.ts';
import { type GroupClient, type PartitionOffset, topicsToCommit } from './groups.ts';
import type { KafkaClient } from './kafka-client.ts';
import { assignRanges, type Subscriber } from './range-assignment.ts';
import { askMetadata } from './topics.ts';

export interface MembershipOptions {
  readonly client: KafkaClient;
  readonly groups: GroupClient;
  readonly clock: Clock;
  readonly group: string;
  /** The subscribed topics. */
  readonly topics: readonly string[];
  /** How long to retry when the coordinator is unreachable; ms. */
  readonly timeoutMs: number;
  /** Ends waiting. */
  readonly signal: AbortSignal;
}

/** The partitions of one topic that are assigned to a member. */
export interface AssignedTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** A member's part in one generation of the group. */
export interface Generation {
  readonly assigned: readonly AssignedTopic[];
  /** Aborts when the group rebalances or has removed this member. */
  readonly over: AbortSignal;
}

type Joined = ResponseBody<typeof ApiKey.JoinGroup>;

/**
 * Kafka's defaults of its consumer: session.timeout.ms, heartbeat.interval.ms,
 * max.poll.interval.ms.
 */
const SESSION_TIMEOUT_MS = 45_000;
const HEARTBEAT_MS = 3_000;
const REBALANCE_TIMEOUT_MS = 300_000;
/** Time for an answer in addition to the coordinator's wait for other members; ms. */
const REBALANCE_SLACK_MS = 5_000;
const RETRY_MS = 200;
const PROTOCOL_TYPE = 'consumer';
/** The default assignor of the consumers of Kafka and librdkafka. */
const ASSIGNOR = 'range';
/** The version that all consumers can read. */
const PAYLOAD_VERSION = 0;
/** From this version on, commits name topics by id. */
const COMMIT_VERSION_MAX = 9;
/** JoinGroup waits for other members, so it uses its own connection. */
const JOIN_CHANNEL = 'join';
const GROUP_CHANNEL = 'group';

/**
 * A member of a group of the classic protocol, which every broker supports. Its methods throw
 * CommandError.
 */
export class GroupMembership {
  readonly #options: MembershipOptions;
  #memberId = '';
  #generationId = -1;
  #over = new AbortController();
  #heartbeats: Promise<void> = Promise.resolve();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Ends the current generation and joins the next one; undefined if the signal aborts first. */
  async join(): Promise<Generation | undefined> {
    this.#over.abort();
    await this.#heartbeats;
    const { clock, signal, timeoutMs } = this.#options;
    const attempts = new Attempts(clock, timeoutMs, RETRY_MS);
    while (!signal.aborted) {
      try {
        const assigned = await this.#tryToJoin();
        if (assigned !== undefined) return this.#begin(assigned);
        attempts.restart();
      } catch (error) {
        if (!isPassing(error) || attempts.areOver) throw error;
        await attempts.wait(signal);
      }
    }
    return undefined;
  }

  /**
   * Commits offsets as this member, with retries. Returns the error's name if the group refuses
   * them.
   */
  async commit(offsets: readonly PartitionOffset[]): Promise<string | undefined> {
    const { clock, timeoutMs } = this.#options;
    const attempts = new Attempts(clock, timeoutMs, RETRY_MS);
    const topics = topicsToCommit(offsets);
    for (;;) {
      try {
        const codes = await this.#tryToCommit(topics);
        const refused = codes.find((code) => !mayTakeItLater(code)) ?? codes[0];
        if (refused === undefined) return undefined;
        if (!mayTakeItLater(refused) || attempts.areOver) return kafkaErrorName(refused);
      } catch (error) {
        if (!isPassing(error) || attempts.areOver) throw error;
      }
      await attempts.wait();
    }
  }

  /** The error codes of the partitions, without 0. */
  async #tryToCommit(topics: RequestInput<typeof ApiKey.OffsetCommit>['topics']): Promise<readonly number[]> {
    const { client, groups, group } = this.#options;
    const answer = await client.ask(
      ApiKey.OffsetCommit,
      { groupId: group, generationIdOrMemberEpoch: this.#generationId, memberId: this.#memberId, topics },
      { node: await groups.coordinator(group), versionMax: COMMIT_VERSION_MAX, channel: GROUP_CHANNEL },
    );
    return answer.topics.flatMap(({ partitions }) => partitions.flatMap(({ errorCode }) => errorCode || []));
  }

  /**
   * Leaves the group, so that others need not wait for the session to end. Never throws, as the
   * session also expires.
   */
  async leave(): Promise<void> {
    this.#over.abort();
    await this.#heartbeats;
    if (this.#memberId === '') return;
    const { client, groups, group } = this.#options;
    const memberId = this.#memberId;
    try {
      await client.ask(
        ApiKey.LeaveGroup,
        (version) => ({ groupId: group, ...(version >= 3 ? { members: [{ memberId }] } : { memberId }) }),
        { node: await groups.coordinator(group), channel: GROUP_CHANNEL },
      );
    } catch {
      // The group has ended this session, or the broker is unreachable.
    }
  }

  /** One attempt; undefined if it must be repeated at once. */
  async #tryToJoin(): Promise<readonly AssignedTopic[] | undefined> {
    const { client, groups, group, topics, signal } = this.#options;
    const node = await groups.coordinator(group);
    const subscription = encodeConsumerProtocol(ConsumerProtocolSubscription, PAYLOAD_VERSION, {
      topics: [...topics],
      userData: null,
    });
    const options = { node, channel: JOIN_CHANNEL, timeoutMs: REBALANCE_TIMEOUT_MS + REBALANCE_SLACK_MS };
    const asked = client.ask(
      ApiKey.JoinGroup,
      {
        groupId: group,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
        memberId: this.#memberId,
        protocolType: PROTOCOL_TYPE,
        protocols: [{ name: ASSIGNOR, metadata: subscription }],
      },
      options,
    );
    const joined = await unlessAborted(asked, signal);
    if (joined === undefined) return undefined;
    if (joined.errorCode === ERROR_CODES.MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId;
      return undefined;
    }
    if (!this.#isMember(joined.errorCode)) return undefined;
    if (joined.errorCode !== 0) throw brokerRefusal(`Group ${group} could not be joined`, joined.errorCode);
    this.#memberId = joined.memberId;
    this.#generationId = joined.generationId;

    const synced = await unlessAborted(
      client.ask(
        ApiKey.SyncGroup,
        {
          groupId: group,
          generationId: joined.generationId,
          memberId: joined.memberId,
          protocolType: PROTOCOL_TYPE,
          protocolName: joined.protocolName,
          assignments: await this.#share(joined),
        },
        options,
      ),
      signal,
    );
    if (synced === undefined || !this.#isMember(synced.errorCode)) return undefined;
    if (synced.errorCode !== 0) throw brokerRefusal(`Group ${group} gave no partitions`, synced.errorCode);
    if (synced.assignment.length === 0) return [];
    const { assignedPartitions } = decodeConsumerProtocol(ConsumerProtocolAssignment, synced.assignment);
    return assignedPartitions;
  }

  /** The assignments that the leader sends for all members; empty for other members. */
  async #share({ leader, memberId, members, skipAssignment }: Joined) {
    if (leader !== memberId || skipAssignment) return [];
    const subscribers = members.map((member): Subscriber => {
      const { topics } = decodeConsumerProtocol(ConsumerProtocolSubscription, member.metadata);
      return { memberId: member.memberId, instanceId: member.groupInstanceId, topics };
    });
    const names = [...new Set(subscribers.flatMap(({ topics }) => topics))];
    const { topics } = await askMetadata(this.#options.client, names, false);
    const counts = new Map(
      topics.filter(({ errorCode }) => errorCode === 0).map(({ name, partitions }) => [name ?? '', partitions.length]),
    );
    return [...assignRanges(subscribers, counts)].map(([member, assigned]) => ({
      memberId: member,
      assignment: encodeConsumerProtocol(ConsumerProtocolAssignment, PAYLOAD_VERSION, {
        assignedPartitions: [...assigned].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
        userData: null,
      }),
    }));
  }

  /** False if the member is unknown or the generation is over, so that it must join again. */
  #isMember(code: number): boolean {
    if (code === ERROR_CODES.UNKNOWN_MEMBER_ID) this.#memberId = '';
    return (
      code !== ERROR_CODES.UNKNOWN_MEMBER_ID &&
      code !== ERROR_CODES.ILLEGAL_GENERATION &&
      code !== ERROR_CODES.REBALANCE_IN_PROGRESS
    );
  }

  #begin(assigned: readonly AssignedTopic[]): Generation {
    const over = new AbortController();
    this.#over = over;
    this.#heartbeats = this.#beat(over);
    return { assigned, over: over.signal };
  }

  /** Keeps the session alive until the generation is over. */
  async #beat(over: AbortController): Promise<void> {
    const { client, groups, clock, group } = this.#options;
    let answeredAt = clock.monotonic();
    for (;;) {
      await sleep(clock, HEARTBEAT_MS, over.signal);
      if (over.signal.aborted) return;
      try {
        const body = { groupId: group, generationId: this.#generationId, memberId: this.#memberId };
        const node = await groups.coordinator(group);
        const { errorCode } = await client.ask(ApiKey.Heartbeat, body, { node, channel: GROUP_CHANNEL });
        if (errorCode === 0) answeredAt = clock.monotonic();
        else if (!mayTakeItLater(errorCode)) {
          this.#isMember(errorCode);
          over.abort();
        }
      } catch {
        // If the error persists, the next join reports it.
        if (clock.monotonic() - answeredAt > SESSION_TIMEOUT_MS) over.abort();
      }
    }
  }
}

/** Whether the coordinator may accept the same request later. */
function mayTakeItLater(code: number): boolean {
  return isRetriable(code) || code === ERROR_CODES.NOT_COORDINATOR;
}

/** Whether another attempt may succeed. */
function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  const name = (error as { kafkaError?: string }).kafkaError;
  return name !== undefined && PASSING.has(name);
}

const PASSING: ReadonlySet<string> = new Set([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'REQUEST_TIMED_OUT',
]);

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  return new Promise<T | undefined>((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
