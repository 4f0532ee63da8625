import { assert } from '../../core/assert.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { StoreTime } from '../../storage/ports.ts';
import type { Assignment } from '../assignors/assignor.ts';
import type { MemberProtocol } from '../classic/state.ts';
import type { SubscribedTopic } from '../facts.ts';
import type { Group } from '../group.ts';

/**
 * A group of the KIP-848 protocol. Immutable. The epochs have the same meaning as in Kafka's
 * ConsumerGroup.
 */
export interface ConsumerGroup extends Group {
  readonly type: 'consumer';
  /** Increases with every change of members, subscriptions or topics. */
  readonly groupEpoch: number;
  /** The group epoch for which the members' targets were computed. */
  readonly assignmentEpoch: number;
  /** Store time at which the group became empty; undefined while it has members. */
  readonly emptySince?: StoreTime;
  /**
   * When a static member last replaced its previous incarnation, which does not change the epoch.
   * Increases with each replacement.
   */
  readonly replacedAt?: StoreTime;
  readonly body: ConsumerGroupBody;
}

/**
 * The part of the group that grows with members and topics. It is stored separately from the head.
 */
export interface BodyParts {
  /** In order of arrival. */
  readonly members: readonly Member[];
  /**
   * The existing topics to which members are subscribed, by name. Targets are computed from them.
   */
  readonly topics: readonly SubscribedTopic[];
  /** Store time of the look that last changed the topics. Earlier looks are outdated. */
  readonly topicsAt: StoreTime;
  /** The matches of the members' patterns. */
  readonly patterns: readonly ResolvedPattern[];
}

export interface ResolvedPattern {
  readonly pattern: string;
  /** Names of topics, ascending. */
  readonly topics: readonly string[];
}

/**
 * - `stable`: the member has its target assignment for its epoch.
 * - `unrevoked`: the member has to revoke partitions and has not confirmed that yet.
 * - `unreleased`: the member waits for partitions that others have not released.
 */
export type MemberState = 'stable' | 'unrevoked' | 'unreleased';

export interface Member {
  readonly memberId: string;
  readonly instanceId?: string;
  readonly rackId?: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** Store time of the request that created the member. */
  readonly joinedAt: StoreTime;
  /** Ms without a sign of life after which the member is removed. */
  readonly sessionTimeoutMs: number;
  /** Time allowed for revoking partitions, ms; -1 if the member never sent it. */
  readonly rebalanceTimeoutMs: number;
  /** Topics subscribed by name, ascending. */
  readonly topicNames: readonly string[];
  /** The subscribed pattern; empty for none. */
  readonly topicPattern: string;
  /** The assignor that the member prefers. */
  readonly assignor?: string;
  /** LEFT_FOR_NOW for a static member that left temporarily. */
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  /** The partitions assigned to the member. */
  readonly assigned: Assignment;
  /** The revoked partitions that the member may still own. */
  readonly pendingRevocation: Assignment;
  /** The member's part of the group's last target assignment. */
  readonly target: Assignment;
  /** Store time by which the member has to confirm the revocation. */
  readonly revokeBy?: StoreTime;
  /** Set for a member that uses the classic protocol. */
  readonly classic?: ClassicMembership;
}

export interface ClassicMembership {
  /** The protocols of its JoinGroup, in order of preference. */
  readonly protocols: readonly MemberProtocol[];
  /** Store time by which the member has to rejoin. */
  readonly joinBy?: StoreTime;
  /** Store time by which the member has to fetch its assignment. */
  readonly syncBy?: StoreTime;
}

/** Whether the group uses the consumer protocol. */
export function isConsumer(group: Group): group is ConsumerGroup {
  return group.type === 'consumer';
}

/** The epoch of a member that leaves (ConsumerGroupHeartbeatRequest.LEAVE_GROUP_MEMBER_EPOCH). */
export const LEAVE_EPOCH = -1;

/** The epoch of a static member that leaves temporarily (LEAVE_GROUP_STATIC_MEMBER_EPOCH). */
export const LEFT_FOR_NOW = -2;

/**
 * A group without members. `epoch`: 0, or the generation of the classic group that it replaces.
 * Epochs and generations of one group id share a scale, so that an old commit has a lower number
 * than a current one.
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

/** An immutable body with indexes, which are computed on first use. */
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

  /** A copy with some parts replaced. Bodies with the same topics share their index. */
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

  /**
   * The member that holds, or may still hold, each partition: by topic id and partition. Each
   * partition has at most one such member.
   */
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

  /** The names of all topics to which any member is subscribed. */
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
          assert(other === memberId, `partition ${partition} of ${topicId} is held by ${other} and ${memberId}`);
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

/**
 * The names of all topics to which these members are subscribed, by name or by one of the patterns.
 */
export function subscribedNamesOf(
  members: readonly Member[],
  resolved: readonly ResolvedPattern[],
): ReadonlySet<string> {
  // Members with equal subscriptions share one list (see sharedNames), and most subscriptions are
  // equal.
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

/**
 * Replaces the member with the same id, or adds the member. Returns the same group if it already
 * contains this object.
 */
export function withMember(group: ConsumerGroup, member: Member): ConsumerGroup {
  const known = group.body.byId.get(member.memberId);
  if (known === member) return group;
  const { members } = group.body;
  return withMembers(
    group,
    known === undefined ? [...members, member] : members.map((other) => (other === known ? member : other)),
  );
}

/** The group with these members; `members` must not be empty. */
export function withMembers(group: ConsumerGroup, members: readonly Member[]): ConsumerGroup {
  const { emptySince: _, ...rest } = group;
  return { ...rest, body: group.body.with({ members }) };
}
