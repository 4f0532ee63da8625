import { errorName } from '../../core/errors.ts';
import { ApiKey, type RequestInput } from '../../wire/apis.ts';
import { ConsumerProtocolAssignment, decodeConsumerProtocol } from '../../wire/messages/consumer-protocol.ts';
import { brokerRefusal, CommandError } from '../failure.ts';
import { grouped } from '../grouped.ts';
import { type CoordinatorLookup, findCoordinator, KeyType } from './coordinator.ts';
import type { KafkaClient } from './kafka-client.ts';
import { askMetadata } from './topics.ts';

/** A group in the answer to ListGroups. */
export interface ListedGroup {
  readonly group: string;
  /** Classic, Consumer and so on; empty if the broker is too old to return it. */
  readonly type: string;
  readonly protocolType: string;
  readonly state: string;
}

export interface GroupMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly host: string;
  /** Undefined in a classic group, where all members have the group's generation. */
  readonly epoch?: number;
  /** Topic -> partitions; undefined for payloads of other protocols. */
  readonly assignment?: ReadonlyMap<string, readonly number[]>;
}

/** The state of a group. */
export interface DescribedGroup {
  readonly group: string;
  readonly type: 'Classic' | 'Consumer';
  readonly state: string;
  /** The assignor or protocol in use. */
  readonly assignor: string;
  readonly coordinator: number;
  readonly members: readonly GroupMember[];
}

/** A partition's committed offset. */
export interface Committed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export type PartitionOffset = Pick<Committed, 'topic' | 'partition' | 'offset'>;

/** From this version on, requests and answers name topics by id. */
const BY_NAME_VERSION_MAX = 9;
const FIRST_WITH_GROUPS = 8;

/** The groups of a cluster. All methods throw CommandError. */
export class GroupClient {
  readonly #client: KafkaClient;
  readonly #lookup: CoordinatorLookup;

  constructor(client: KafkaClient, lookup: CoordinatorLookup) {
    this.#client = client;
    this.#lookup = lookup;
  }

  /** All groups of all brokers, by id. */
  async list(): Promise<ListedGroup[]> {
    const { brokers } = await askMetadata(this.#client, [], false);
    const answers = await Promise.all(
      brokers.map(({ nodeId }) =>
        this.#client.ask(
          ApiKey.ListGroups,
          (version) => ({ ...(version >= 4 && { statesFilter: [] }), ...(version >= 5 && { typesFilter: [] }) }),
          { node: nodeId },
        ),
      ),
    );
    for (const { errorCode } of answers)
      if (errorCode !== 0) throw brokerRefusal('The groups are not known', errorCode);
    const groups = new Map<string, ListedGroup>();
    for (const { groupId, groupType, protocolType, groupState } of answers.flatMap((answer) => answer.groups)) {
      groups.set(groupId, { group: groupId, type: typeName(groupType), protocolType, state: groupState });
    }
    return [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  /** The group; undefined if there is none. */
  async describe(group: string): Promise<DescribedGroup | undefined> {
    const node = await this.coordinator(group);
    if (await this.#client.serves(ApiKey.ConsumerGroupDescribe)) {
      const described = await this.#describeConsumer(group, node);
      if (described !== undefined) return described;
    }
    return this.#describeClassic(group, node);
  }

  async #describeConsumer(group: string, node: number): Promise<DescribedGroup | undefined> {
    const body = { groupIds: [group], includeAuthorizedOperations: false };
    const { groups } = await this.#client.ask(ApiKey.ConsumerGroupDescribe, body, { node });
    const { errorCode, groupState, assignorName, members } = groups[0]!;
    if (errorName(errorCode) === 'GROUP_ID_NOT_FOUND') return undefined;
    if (errorCode !== 0) throw brokerRefusal(`Group ${group} cannot be described`, errorCode);
    return {
      group,
      type: 'Consumer',
      state: groupState,
      assignor: assignorName,
      coordinator: node,
      members: members.map((member) => ({
        memberId: member.memberId,
        instanceId: member.instanceId,
        clientId: member.clientId,
        host: member.clientHost,
        epoch: member.memberEpoch,
        assignment: new Map(
          member.assignment.topicPartitions.map(({ topicName, partitions }) => [topicName, partitions]),
        ),
      })),
    };
  }

  async #describeClassic(group: string, node: number): Promise<DescribedGroup | undefined> {
    const { groups } = await this.#client.ask(
      ApiKey.DescribeGroups,
      (version) => ({ groups: [group], ...(version >= 3 && { includeAuthorizedOperations: false }) }),
      { node },
    );
    const { errorCode, groupState, protocolType, protocolData, members } = groups[0]!;
    if (groupState === 'Dead' || errorName(errorCode) === 'GROUP_ID_NOT_FOUND') return undefined;
    if (errorCode !== 0) throw brokerRefusal(`Group ${group} cannot be described`, errorCode);
    return {
      group,
      type: 'Classic',
      state: groupState,
      assignor: protocolData,
      coordinator: node,
      members: members.map((member) => ({
        memberId: member.memberId,
        instanceId: member.groupInstanceId,
        clientId: member.clientId,
        host: member.clientHost,
        ...assignmentOf(protocolType, member.memberAssignment),
      })),
    };
  }

  /** All offsets that the group has committed, in order. */
  async committed(group: string): Promise<Committed[]> {
    const { version, body } = await this.#client.askWithVersion(
      ApiKey.OffsetFetch,
      (version) =>
        version >= FIRST_WITH_GROUPS
          ? { groups: [{ groupId: group, topics: null }], requireStable: false }
          : { groupId: group, topics: null },
      { node: await this.coordinator(group), versionMax: BY_NAME_VERSION_MAX },
    );
    const { errorCode, topics } = version >= FIRST_WITH_GROUPS ? body.groups[0]! : body;
    if (errorCode !== 0) throw brokerRefusal(`The offsets of group ${group} are not known`, errorCode);
    const rows: Committed[] = [];
    for (const { name, partitions } of topics) {
      for (const one of partitions) {
        if (one.errorCode !== 0) {
          throw brokerRefusal(
            `The offset of ${name}-${one.partitionIndex} in group ${group} is not known`,
            one.errorCode,
          );
        }
        const { partitionIndex, committedOffset, committedLeaderEpoch, metadata } = one;
        if (committedOffset < 0) continue;
        const leaderEpoch = committedLeaderEpoch;
        rows.push({
          topic: name,
          partition: partitionIndex,
          offset: committedOffset,
          leaderEpoch,
          metadata: metadata ?? '',
        });
      }
    }
    return rows.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
  }

  /** Commits offsets as an administrator; the group must have no members. */
  async commit(group: string, offsets: readonly PartitionOffset[]): Promise<void> {
    const { topics: answers } = await this.#client.ask(
      ApiKey.OffsetCommit,
      {
        groupId: group,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        topics: topicsToCommit(offsets),
      },
      { node: await this.coordinator(group), versionMax: BY_NAME_VERSION_MAX },
    );
    for (const { name, partitions } of answers) {
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode === 0) continue;
        throw brokerRefusal(`The offset of ${name}-${partitionIndex} in group ${group} was not changed`, errorCode);
      }
    }
  }

  /** Deletes groups with their offsets; group -> error code, 0 if it was deleted. */
  async delete(groups: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const results = new Map<string, number>();
    for (const group of groups) {
      const node = await this.coordinator(group);
      const answer = await this.#client.ask(ApiKey.DeleteGroups, { groupsNames: [group] }, { node });
      for (const { groupId, errorCode } of answer.results) results.set(groupId, errorCode);
    }
    return results;
  }

  /** Deletes offsets of topics to which no member of the group is subscribed. */
  async deleteOffsets(group: string, topics: ReadonlyMap<string, readonly number[]>): Promise<void> {
    const answer = await this.#client.ask(
      ApiKey.OffsetDelete,
      {
        groupId: group,
        topics: [...topics].map(([name, partitions]) => ({
          name,
          partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
        })),
      },
      { node: await this.coordinator(group) },
    );
    if (answer.errorCode !== 0) throw brokerRefusal(`The offsets of group ${group} were not deleted`, answer.errorCode);
    for (const { name, partitions } of answer.topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode !== 0) throw brokerRefusal(`The offset of ${name}-${partitionIndex} was not deleted`, errorCode);
      }
    }
  }

  /** The node that coordinates a group. The client learns its address. */
  coordinator(group: string): Promise<number> {
    return findCoordinator(this.#client, this.#lookup, KeyType.group, group, `Group ${group}`);
  }
}

/** Offsets in the form of OffsetCommit. */
export function topicsToCommit(
  offsets: readonly PartitionOffset[],
): RequestInput<typeof ApiKey.OffsetCommit>['topics'] {
  return [...grouped(offsets, ({ topic }) => topic)].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition, offset }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedMetadata: '',
    })),
  }));
}

/**
 * A group's type as Kafka's tools print it. Some brokers send it in lower case, others capitalized.
 */
function typeName(type: string): string {
  return type.charAt(0).toUpperCase() + type.slice(1);
}

/** The error for a group that does not exist. */
export function unknownGroup(group: string): CommandError {
  return new CommandError(`There is no group ${group} (GROUP_ID_NOT_FOUND). tidelog groups list shows all.`, {
    kafkaError: 'GROUP_ID_NOT_FOUND',
  });
}

function assignmentOf(protocolType: string, payload: Buffer): Pick<GroupMember, 'assignment'> {
  if (protocolType !== 'consumer' || payload.length === 0) return {};
  try {
    const { assignedPartitions } = decodeConsumerProtocol(ConsumerProtocolAssignment, payload);
    return { assignment: new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions])) };
  } catch {
    // Payloads are opaque to the broker and may have any format.
    return {};
  }
}
