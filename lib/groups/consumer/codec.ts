import { MalformedBytesError } from '../../core/bytes.ts';
import type { Assignment } from '../assignors/assignor.ts';
import {
  type ClassicMembership,
  type ConsumerGroup,
  ConsumerGroupBody,
  type Member,
  type MemberState,
} from './state.ts';

/** The encoding of a consumer group in its items, as JSON (docs/DATA_LAYOUT.md). */

interface StoredHead {
  readonly groupEpoch: number;
  readonly assignmentEpoch: number;
  readonly emptySince?: number | undefined;
  readonly replacedAt?: number | undefined;
}

/**
 * `[topic id, ranges]`; each range is its first partition and its number of consecutive partitions.
 */
type StoredAssignment = readonly (readonly [topicId: string, ...ranges: number[]])[];

interface StoredMember {
  readonly id: string;
  readonly instanceId?: string | undefined;
  readonly rackId?: string | undefined;
  readonly clientId: string;
  readonly host: string;
  readonly joinedAt: number;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  /** Index of its topic names in `names`. */
  readonly names: number;
  readonly pattern?: string | undefined;
  readonly assignor?: string | undefined;
  readonly epoch: number;
  readonly previousEpoch: number;
  readonly state: MemberState;
  readonly assigned: StoredAssignment;
  readonly revoking?: StoredAssignment | undefined;
  /** Omitted if equal to `assigned`. */
  readonly target?: StoredAssignment | undefined;
  readonly revokeBy?: number | undefined;
  readonly classic?: StoredClassic | undefined;
}

interface StoredClassic {
  readonly protocols: readonly (readonly [name: string, metadata: string])[];
  readonly joinBy?: number | undefined;
  readonly syncBy?: number | undefined;
}

interface StoredBody {
  readonly topics: readonly (readonly [name: string, topicId: string, partitions: number])[];
  readonly topicsAt: number;
  readonly patterns: readonly (readonly [pattern: string, topics: readonly string[]])[];
  /** The members' lists of topic names. Equal lists mostly appear once. */
  readonly names: readonly (readonly string[])[];
  readonly members: readonly StoredMember[];
}

export function encodeConsumerHead(group: ConsumerGroup): unknown {
  const { groupEpoch, assignmentEpoch, emptySince, replacedAt } = group;
  return { groupEpoch, assignmentEpoch, emptySince, replacedAt } satisfies StoredHead;
}

export function encodeConsumerBody({ body }: ConsumerGroup): unknown {
  const places = new Map<readonly string[], number>();
  const names: (readonly string[])[] = [];
  const members = body.members.map((member): StoredMember => {
    let place = places.get(member.topicNames);
    if (place === undefined) {
      place = names.push(member.topicNames) - 1;
      places.set(member.topicNames, place);
    }
    return encodeMember(member, place);
  });
  const stored: StoredBody = {
    topics: body.topics.map(({ name, topicId, partitions }) => [name, topicId, partitions]),
    topicsAt: body.topicsAt,
    patterns: body.patterns.map(({ pattern, topics }) => [pattern, topics]),
    names,
    members,
  };
  return stored;
}

function encodeMember(member: Member, names: number): StoredMember {
  const assigned = encodeAssignment(member.assigned);
  const target = encodeAssignment(member.target);
  return {
    id: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    clientId: member.clientId,
    host: member.clientHost,
    joinedAt: member.joinedAt,
    sessionMs: member.sessionTimeoutMs,
    rebalanceMs: member.rebalanceTimeoutMs,
    names,
    pattern: member.topicPattern === '' ? undefined : member.topicPattern,
    assignor: member.assignor,
    epoch: member.memberEpoch,
    previousEpoch: member.previousMemberEpoch,
    state: member.state,
    assigned,
    revoking: member.pendingRevocation.length === 0 ? undefined : encodeAssignment(member.pendingRevocation),
    target: JSON.stringify(assigned) === JSON.stringify(target) ? undefined : target,
    revokeBy: member.revokeBy,
    classic: member.classic === undefined ? undefined : encodeClassic(member.classic),
  };
}

function encodeClassic({ protocols, joinBy, syncBy }: ClassicMembership): StoredClassic {
  return { protocols: protocols.map(({ name, metadata }) => [name, metadata.toString('base64')]), joinBy, syncBy };
}

function encodeAssignment(assignment: Assignment): StoredAssignment {
  return assignment.map(({ topicId, partitions }) => {
    const ranges: number[] = [];
    for (const partition of partitions) {
      const [first, count] = ranges.slice(-2);
      if (first !== undefined && first + count! === partition) ranges[ranges.length - 1] = count! + 1;
      else ranges.push(partition, 1);
    }
    return [topicId, ...ranges];
  });
}

function decodeAssignment(stored: StoredAssignment): Assignment {
  return stored.map(([topicId, ...ranges]) => {
    const partitions: number[] = [];
    for (let at = 0; at + 1 < ranges.length; at += 2) {
      for (let offset = 0; offset < ranges[at + 1]!; offset++) partitions.push(ranges[at]! + offset);
    }
    return { topicId, partitions };
  });
}

/**
 * Throws MalformedBytesError for input that encodeConsumerHead and encodeConsumerBody do not write.
 */
export function decodeConsumerGroup(headJson: unknown, bodyJson: unknown): ConsumerGroup {
  const head = headJson as StoredHead | null;
  const body = bodyJson as StoredBody | null;
  const whole =
    Number.isSafeInteger(head?.groupEpoch) &&
    Number.isSafeInteger(head?.assignmentEpoch) &&
    [body?.topics, body?.patterns, body?.names, body?.members].every(Array.isArray);
  if (!whole) throw new MalformedBytesError('the items of a consumer group lack what every such group has');
  const { groupEpoch, assignmentEpoch, emptySince, replacedAt } = head!;
  return {
    type: 'consumer',
    groupEpoch,
    assignmentEpoch,
    ...(emptySince === undefined ? {} : { emptySince }),
    ...(replacedAt === undefined ? {} : { replacedAt }),
    body: decodeBody(body!),
  };
}

function decodeBody(stored: StoredBody): ConsumerGroupBody {
  return new ConsumerGroupBody({
    topics: stored.topics.map(([name, topicId, partitions]) => ({ name, topicId, partitions })),
    topicsAt: stored.topicsAt,
    patterns: stored.patterns.map(([pattern, topics]) => ({ pattern, topics })),
    members: stored.members.map((member) => decodeMember(member, stored.names)),
  });
}

const STATES: readonly string[] = ['stable', 'unrevoked', 'unreleased'] satisfies MemberState[];

function decodeMember(stored: StoredMember, names: readonly (readonly string[])[]): Member {
  const topicNames = names[stored.names];
  const whole = typeof stored.id === 'string' && STATES.includes(stored.state) && Array.isArray(stored.assigned);
  if (!whole || topicNames === undefined || !Number.isSafeInteger(stored.epoch) || !Number.isFinite(stored.sessionMs)) {
    throw new MalformedBytesError('a member of a consumer group lacks what every member has');
  }
  const assigned = decodeAssignment(stored.assigned);
  return {
    memberId: stored.id,
    ...(stored.instanceId === undefined ? {} : { instanceId: stored.instanceId }),
    ...(stored.rackId === undefined ? {} : { rackId: stored.rackId }),
    clientId: stored.clientId,
    clientHost: stored.host,
    joinedAt: stored.joinedAt,
    sessionTimeoutMs: stored.sessionMs,
    rebalanceTimeoutMs: stored.rebalanceMs,
    topicNames,
    topicPattern: stored.pattern ?? '',
    ...(stored.assignor === undefined ? {} : { assignor: stored.assignor }),
    memberEpoch: stored.epoch,
    previousMemberEpoch: stored.previousEpoch,
    state: stored.state,
    assigned,
    pendingRevocation: decodeAssignment(stored.revoking ?? []),
    target: stored.target === undefined ? assigned : decodeAssignment(stored.target),
    ...(stored.revokeBy === undefined ? {} : { revokeBy: stored.revokeBy }),
    ...(stored.classic === undefined ? {} : { classic: decodeClassic(stored.classic) }),
  };
}

function decodeClassic({ protocols, joinBy, syncBy }: StoredClassic): ClassicMembership {
  return {
    protocols: protocols.map(([name, metadata]) => ({ name, metadata: Buffer.from(metadata, 'base64') })),
    ...(joinBy === undefined ? {} : { joinBy }),
    ...(syncBy === undefined ? {} : { syncBy }),
  };
}
