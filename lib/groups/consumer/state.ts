import { assert } from '../../core/assert.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { StoreTime } from '../../storage/ports.ts';
import type { Assignment } from '../assignors/assignor.ts';
import type { MemberProtocol } from '../classic/state.ts';
import type { SubscribedTopic } from '../facts.ts';
import type { Group } from '../group.ts';

/** A group of the KIP-848 protocol: immutable; see Kafka's ConsumerGroup for the meaning of the epochs. */
export interface ConsumerGroup extends Group {
  readonly type: 'consumer';
  /** Goes up with every change of members, subscriptions or topics. */
  readonly groupEpoch: number;
  /** The group epoch that the members' targets were computed for. */
  readonly assignmentEpoch: number;
  /** Store time since which there are no members. */
  readonly emptySince?: StoreTime;
  /** When a static member took the place of its former self last; grows with each time. It does so within an epoch. */
  readonly replacedAt?: StoreTime;
  readonly body: ConsumerGroupBody;
}

/** What grows with the members and topics; stored apart from the head. */
export interface BodyParts {
  /** In the order they came. */
  readonly members: readonly Member[];
  /** The subscribed topics that exist, as the targets were computed from; by name. */
  readonly topics: readonly SubscribedTopic[];
  /** When the topics were looked at last with a difference: what was read before that is older news. */
  readonly topicsAt: StoreTime;
  /** What the members' patterns matched. */
  readonly patterns: readonly ResolvedPattern[];
}

export interface ResolvedPattern {
  readonly pattern: string;
  /** Names of topics, ascending. */
  readonly topics: readonly string[];
}

/**
 * - `stable`: it has what it is to have at its epoch.
 * - `unrevoked`: it was told to give up partitions and has not said yet that it did.
 * - `unreleased`: it waits for partitions that others have not given up.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased';

export interface Member {
  readonly memberId: string;
  readonly instanceId?: string;
  readonly rackId?: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** Store time of the request that made it a member. */
  readonly joinedAt: StoreTime;
  /** How long it may be silent, ms. */
  readonly sessionTimeoutMs: number;
  /** How long it may take to give up partitions, ms; -1 if it never said. */
  readonly rebalanceTimeoutMs: number;
  /** Topics that it asks for by name, ascending. */
  readonly topicNames: readonly string[];
  /** The pattern that it asks for topics by; empty for none. */
  readonly topicPattern: string;
  /** The assignor that it wishes for. */
  readonly assignor?: string;
  /** LEFT_FOR_NOW for a static member that said it will be back. */
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  /** What it was told to have. */
  readonly assigned: Assignment;
  /** What it was told to give up and may still have. */
  readonly pendingRevocation: Assignment;
  /** What it is to have by the group's last target assignment. */
  readonly target: Assignment;
  /** Store time by which it has to give up what it was told to. */
  readonly revokeBy?: StoreTime;
  /** Of a member that speaks the classic protocol. */
  readonly classic?: ClassicMembership;
}

export interface ClassicMembership {
  /** The protocols of its JoinGroup in its order of preference. */
  readonly protocols: readonly MemberProtocol[];
  /** Store time by which it has to join again. */
  readonly joinBy?: StoreTime;
  /** Store time by which it has to fetch its assignment. */
  readonly syncBy?: StoreTime;
}

/** Whether a group is one of the consumer protocol. */
export function isConsumer(group: Group): group is ConsumerGroup {
  return group.type === 'consumer';
}

/** The epoch of a member that leaves (ConsumerGroupHeartbeatRequest.LEAVE_GROUP_MEMBER_EPOCH). */
export const LEAVE_EPOCH = -1;

/** The epoch of a static member that leaves for a while (LEAVE_GROUP_STATIC_MEMBER_EPOCH). */
export const LEFT_FOR_NOW = -2;

/**
 * A group without members. `epoch` is 0, or the generation of the classic group whose place it takes: epochs and generations
 * of one group id share a scale, so that commits of its past are told from those of its present.
 */
export function newConsumerGroup(epoch: number, now: StoreTime): ConsumerGroup {
  return {
    type: 'consumer',
    groupEpoch: epoch,
    assignmentEpoch: epoch,
    emptySince: now,
    body: new ConsumerGroupBody(NO_PARTS),
  };
}

const NO_PARTS: BodyParts = { members: [], topics: [], topicsAt: 0, patterns: [] };

/** An immutable body with what is often asked of it; each answer is worked out when it is first asked for. */
export class ConsumerGroupBody implements BodyParts {
  readonly members: readonly Member[];
  readonly topics: readonly SubscribedTopic[];
  readonly topicsAt: StoreTime;
  readonly patterns: readonly ResolvedPattern[];
  readonly #topicIndex: TopicIndex;
  #byId: ReadonlyMap<string, Member> | undefined;
  #byInstance: ReadonlyMap<string, Member> | undefined;
  #owners: ReadonlyMap<Uuid, ReadonlyMap<number, string>> | undefined;
  #subscribedNames: ReadonlySet<string> | undefined;
  #subscribedPatterns: ReadonlySet<string> | undefined;

  constructor({ members, topics, topicsAt, patterns }: BodyParts, topicIndex = new TopicIndex(topics)) {
    this.members = members;
    this.topics = topics;
    this.topicsAt = topicsAt;
    this.patterns = patterns;
    this.#topicIndex = topicIndex;
  }

  /** The body with other parts. Bodies with the same topics share their index. */
  with(parts: Partial<BodyParts>): ConsumerGroupBody {
    const sameTopics = parts.topics === undefined || parts.topics === this.topics;
    return new ConsumerGroupBody({ ...this, ...parts }, sameTopics ? this.#topicIndex : undefined);
  }

  get byId(): ReadonlyMap<string, Member> {
    this.#byId ??= new Map(this.members.map((member) => [member.memberId, member]));
    return this.#byId;
  }

  get byInstance(): ReadonlyMap<string, Member> {
    this.#byInstance ??= new Map(
      this.members.flatMap((member) => (member.instanceId === undefined ? [] : [[member.instanceId, member]])),
    );
    return this.#byInstance;
  }

  /** Who has, or may still have, a partition: by topic id and partition. Nobody shares one. */
  get owners(): ReadonlyMap<Uuid, ReadonlyMap<number, string>> {
    this.#owners ??= ownersIn(this.members);
    return this.#owners;
  }

  get topicsById(): ReadonlyMap<Uuid, SubscribedTopic> {
    return this.#topicIndex.byId;
  }

  get topicsByName(): ReadonlyMap<string, SubscribedTopic> {
    return this.#topicIndex.byName;
  }

  /** The names that all members together are subscribed to. */
  get subscribedNames(): ReadonlySet<string> {
    this.#subscribedNames ??= subscribedNamesOf(this.members, this.patterns);
    return this.#subscribedNames;
  }

  /** The patterns of all members. */
  get subscribedPatterns(): ReadonlySet<string> {
    this.#subscribedPatterns ??= new Set(
      this.members.map(({ topicPattern }) => topicPattern).filter((pattern) => pattern !== ''),
    );
    return this.#subscribedPatterns;
  }
}

function ownersIn(members: readonly Member[]): ReadonlyMap<Uuid, ReadonlyMap<number, string>> {
  const owners = new Map<Uuid, Map<number, string>>();
  for (const { memberId, assigned, pendingRevocation } of members) {
    for (const held of [assigned, pendingRevocation]) {
      for (const { topicId, partitions } of held) {
        let ofTopic = owners.get(topicId);
        if (ofTopic === undefined) {
          ofTopic = new Map();
          owners.set(topicId, ofTopic);
        }
        for (const partition of partitions) {
          const other = ofTopic.get(partition) ?? memberId;
          assert(other === memberId, `partition ${partition} of ${topicId} is with ${other} and ${memberId}`);
          ofTopic.set(partition, memberId);
        }
      }
    }
  }
  return owners;
}

class TopicIndex {
  readonly #topics: readonly SubscribedTopic[];
  #byId: ReadonlyMap<Uuid, SubscribedTopic> | undefined;
  #byName: ReadonlyMap<string, SubscribedTopic> | undefined;

  constructor(topics: readonly SubscribedTopic[]) {
    this.#topics = topics;
  }

  get byId(): ReadonlyMap<Uuid, SubscribedTopic> {
    this.#byId ??= new Map(this.#topics.map((topic) => [topic.topicId, topic]));
    return this.#byId;
  }

  get byName(): ReadonlyMap<string, SubscribedTopic> {
    this.#byName ??= new Map(this.#topics.map((topic) => [topic.name, topic]));
    return this.#byName;
  }
}

/** The names that these members are subscribed to, by name or by one of the patterns. */
export function subscribedNamesOf(
  members: readonly Member[],
  resolved: readonly ResolvedPattern[],
): ReadonlySet<string> {
  // Members with equal subscriptions share their list (see sharedNames), and most have equal ones.
  const lists = new Set<readonly string[]>();
  const patterns = new Set<string>();
  for (const { topicNames, topicPattern } of members) {
    lists.add(topicNames);
    if (topicPattern !== '') patterns.add(topicPattern);
  }
  const names = new Set<string>();
  for (const list of lists) for (const name of list) names.add(name);
  for (const { pattern, topics } of resolved) {
    if (patterns.has(pattern)) for (const name of topics) names.add(name);
  }
  return names;
}

/** The group with one member put in the place of the one with its id, or added; the same if it is the same. */
export function withMember(group: ConsumerGroup, member: Member): ConsumerGroup {
  const known = group.body.byId.get(member.memberId);
  if (known === member) return group;
  const { members } = group.body;
  return withMembers(
    group,
    known === undefined ? [...members, member] : members.map((other) => (other === known ? member : other)),
  );
}

/** The group with these members, which must not be empty. */
export function withMembers(group: ConsumerGroup, members: readonly Member[]): ConsumerGroup {
  const { emptySince: _, ...rest } = group;
  return { ...rest, body: group.body.with({ members }) };
}
