import { ConsumerProtocolAssignment, decodeConsumerProtocol } from '../wire/messages/consumer-protocol.ts';
import { type ClassicGroup, CONSUMER_PROTOCOL_TYPE, isClassic } from './classic/state.ts';
import { type ConsumerGroup, isConsumer } from './consumer/state.ts';
import type { Group } from './group.ts';

/** A member of a group and what it consumes, whatever the group's protocol. */
export interface GroupMember {
  readonly memberId: string;
  /** group.instance.id of a static member. */
  readonly instanceId: string | undefined;
  readonly clientId: string;
  readonly assigned: readonly AssignedTopic[];
}

export interface AssignedTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/**
 * The members of a group with their assignments, in order of arrival. A classic group shows
 * assignments that have the form of Kafka's consumers; others are shown as empty.
 */
export function groupMembers(group: Group): readonly GroupMember[] {
  if (isClassic(group)) return classicMembers(group);
  return isConsumer(group) ? consumerMembers(group) : [];
}

function classicMembers({ roster, protocolType }: ClassicGroup): GroupMember[] {
  return [...roster.members.values()].map(({ memberId, instanceId, clientId }) => ({
    memberId,
    instanceId: instanceId ?? undefined,
    clientId,
    assigned: protocolType === CONSUMER_PROTOCOL_TYPE ? decoded(roster.assignments.get(memberId)) : [],
  }));
}

function decoded(assignment: Buffer | undefined): AssignedTopic[] {
  // A member has no assignment before its first rebalance has ended.
  if (assignment === undefined || assignment.length === 0) return [];
  try {
    const { assignedPartitions } = decodeConsumerProtocol(ConsumerProtocolAssignment, assignment);
    return assignedPartitions.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }));
  } catch {
    // The payload is the members' own; the broker never reads it.
    return [];
  }
}

function consumerMembers({ body }: ConsumerGroup): GroupMember[] {
  return body.members.map(({ memberId, instanceId, clientId, assigned }) => ({
    memberId,
    instanceId,
    clientId,
    // Deleted topics have no name.
    assigned: assigned.flatMap(({ topicId, partitions }) => {
      const topic = body.topicsById.get(topicId)?.name;
      return topic === undefined ? [] : [{ topic, partitions: [...partitions] }];
    }),
  }));
}

/** The assignor of a classic group; empty while its members agree on none. */
export function classicAssignor(group: Group): string {
  return isClassic(group) && group.state === 'Stable' ? (group.protocolName ?? '') : '';
}
