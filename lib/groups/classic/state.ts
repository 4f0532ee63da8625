import { assert } from '../../core/assert.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { StoreTime } from '../../storage/ports.ts';
import { decodeSubscribedTopics } from '../../wire/messages/consumer-protocol.ts';
import type { Group } from '../group.ts';

/**
 * The protocol type of consumers. Only a group of this type can be upgraded to the consumer
 * protocol.
 */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/**
 * The states of a classic group (ClassicGroupState). Kafka's Dead is a group that does not exist.
 */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

/**
 * A partition assignment strategy that a member supports, and the member's metadata for the leader,
 * which the broker does not interpret.
 */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

export interface ClassicMember {
  readonly memberId: string;
  /** group.instance.id of a static member (KIP-345). */
  readonly instanceId: string | null;
  readonly clientId: string;
  /** As Kafka shows it: '/127.0.0.1'. */
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** In the member's order of preference. */
  readonly protocols: readonly MemberProtocol[];
  /** Store time of the member's last request that changed its stored state. */
  readonly seenAt: StoreTime;
}

/** The part of the group that grows with its members; stored as its body. Immutable. */
export class Roster {
  /** In order of arrival. */
  readonly members: ReadonlyMap<string, ClassicMember>;
  /**
   * The leader's last assignments, by member id. They remain visible during a rebalance, as in
   * Kafka.
   */
  readonly assignments: ReadonlyMap<string, Buffer>;
  /** Parsed topics by protocol name, filled on demand. */
  readonly #topics = new Map<string, ReadonlySet<string> | undefined>();

  constructor(members: ReadonlyMap<string, ClassicMember>, assignments: ReadonlyMap<string, Buffer>) {
    this.members = members;
    this.assignments = assignments;
  }

  /**
   * The topics to which the members subscribe, for a protocol of consumers. Undefined if the
   * metadata cannot be parsed (ClassicGroup.computeSubscribedTopics).
   */
  subscribedTopics(protocolName: string): ReadonlySet<string> | undefined {
    if (!this.#topics.has(protocolName)) this.#topics.set(protocolName, this.#parseTopics(protocolName));
    return this.#topics.get(protocolName);
  }

  #parseTopics(protocolName: string): ReadonlySet<string> | undefined {
    try {
      const topics = new Set<string>();
      for (const member of this.members.values()) {
        for (const topic of decodeSubscribedTopics(metadataOf(member, protocolName))) topics.add(topic);
      }
      return topics;
    } catch {
      // The metadata does not have the format of the protocol type.
      return undefined;
    }
  }
}

export interface ClassicGroup extends Group {
  readonly type: 'classic';
  readonly state: ClassicState;
  readonly generation: number;
  /**
   * 'consumer', 'connect' and so on; undefined for a group that has never had members, only
   * offsets.
   */
  readonly protocolType: string | undefined;
  readonly protocolName: string | undefined;
  readonly leader: string | undefined;
  /** When the group entered its state. */
  readonly stateSince: StoreTime;
  readonly roster: Roster;
  /** In PreparingRebalance: the members that have joined or rejoined. */
  readonly joined: ReadonlySet<string>;
  /** The members that have not fetched their assignment since the last rebalance. */
  readonly pendingSync: ReadonlySet<string>;
  /** Member ids that were issued but not used yet (KIP-394), with the time at which they expire. */
  readonly pendingJoin: ReadonlyMap<string, StoreTime>;
  /** In PreparingRebalance: when the join phase ends without the missing members. */
  readonly joinDeadline: StoreTime | undefined;
  /** When the members in `pendingSync` are removed. */
  readonly syncDeadline: StoreTime | undefined;
  /** Set during the first rebalance of an empty group, which waits for further members. */
  readonly initial: InitialRebalance | undefined;
  /**
   * When a static member last replaced its previous incarnation, which does not change the
   * generation. Increases with each replacement.
   */
  readonly replacedAt?: StoreTime;
}

export interface InitialRebalance {
  /** The current delay. */
  readonly delayMs: number;
  /** How much longer further delays may extend the wait. */
  readonly remainingMs: number;
  readonly newMemberAdded: boolean;
}

export const NO_ASSIGNMENT: Buffer = Buffer.alloc(0);

const NOBODY: ReadonlySet<string> = new Set();

/**
 * A classic group without members. `generation`: 0, or the last generation or epoch of the group
 * whose offsets it inherits. The generations stored with the offsets allow no lower one.
 */
export function emptyClassicGroup(now: StoreTime, generation = 0): ClassicGroup {
  return {
    type: 'classic',
    state: 'Empty',
    generation,
    protocolType: undefined,
    protocolName: undefined,
    leader: undefined,
    stateSince: now,
    roster: new Roster(new Map(), new Map()),
    joined: NOBODY,
    pendingSync: NOBODY,
    pendingJoin: new Map(),
    joinDeadline: undefined,
    syncDeadline: undefined,
    initial: undefined,
  };
}

export function isClassic(group: Group): group is ClassicGroup {
  return group.type === 'classic';
}

export function membersOf(group: ClassicGroup): ReadonlyMap<string, ClassicMember> {
  return group.roster.members;
}

/** The member with this group.instance.id. */
export function staticMember(group: ClassicGroup, instanceId: string): ClassicMember | undefined {
  for (const member of group.roster.members.values()) if (member.instanceId === instanceId) return member;
  return undefined;
}

/**
 * Undefined if the ids are those of a current member; for a static member its latest id
 * (ClassicGroup.validateMember).
 */
export function memberProblem(group: ClassicGroup, memberId: string, instanceId: string | null): ErrorName | undefined {
  if (instanceId !== null) {
    const existing = staticMember(group, instanceId);
    if (existing === undefined) return 'UNKNOWN_MEMBER_ID';
    if (existing.memberId !== memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.roster.members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID';
}

/** The member's metadata for the protocol in use; empty if the member does not support it. */
export function metadataOf(member: ClassicMember, protocolName: string | undefined): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_ASSIGNMENT;
}

/**
 * Whether both lists have the same protocols, in the same order, with the same metadata
 * (ClassicGroupMember.matches).
 */
export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return (
    a.length === b.length && a.every(({ name, metadata }, i) => name === b[i]!.name && metadata.equals(b[i]!.metadata))
  );
}

/** Whether all members support one of the protocols (ClassicGroup.supportsProtocols). */
export function supportsProtocols(
  group: ClassicGroup,
  protocolType: string,
  protocols: readonly MemberProtocol[],
): boolean {
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0;
  if (group.protocolType !== protocolType) return false;
  const members = [...group.roster.members.values()];
  return protocols.some(({ name }) => members.every((member) => member.protocols.some((one) => one.name === name)));
}

/**
 * The protocol of the next generation. Each member votes for its preferred one among those that all
 * members support (ClassicGroup.selectProtocol). In a tie, the protocol with the earliest vote
 * wins.
 */
export function selectProtocol(members: Iterable<ClassicMember>): string {
  const all = [...members];
  assert(all.length > 0, 'an empty group has no protocol');
  const offers = new Map<string, number>();
  for (const { protocols } of all) {
    for (const name of new Set(protocols.map((one) => one.name))) offers.set(name, (offers.get(name) ?? 0) + 1);
  }
  const votes = new Map<string, number>();
  for (const { protocols } of all) {
    const choice = protocols.find(({ name }) => offers.get(name) === all.length);
    assert(choice !== undefined, 'the members of a group have a protocol in common');
    votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  return [...votes].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
