import { assert } from '../../core/assert.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { StoreTime } from '../../storage/ports.ts';
import { decodeSubscribedTopics } from '../../wire/messages/consumer-protocol.ts';
import type { Group } from '../group.ts';

/** The protocol type of consumers. Only a group of this type can change over to the consumer protocol. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer';

/** States of a group of the classic protocol (ClassicGroupState); a dead group is one that is not there. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

/** One way of assigning that a member offers, with what it tells the leader about itself; opaque to the broker. */
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
  /** In the order of the member's preference. */
  readonly protocols: readonly MemberProtocol[];
  /** When the member last came in by a request that changed what is kept of it. */
  readonly seenAt: StoreTime;
}

/** What grows with the members; stored as the group's body. Immutable. */
export class Roster {
  /** In the order in which they came. */
  readonly members: ReadonlyMap<string, ClassicMember>;
  /** What the leader gave them, by member id. Kept during a rebalance, as Kafka shows it then. */
  readonly assignments: ReadonlyMap<string, Buffer>;
  /** By protocol name, as it was asked for. */
  readonly #topics = new Map<string, ReadonlySet<string> | undefined>();

  constructor(members: ReadonlyMap<string, ClassicMember>, assignments: ReadonlyMap<string, Buffer>) {
    this.members = members;
    this.assignments = assignments;
  }

  /**
   * The topics that members subscribe to in this protocol of consumers; undefined where their metadata does not tell
   * (ClassicGroup.computeSubscribedTopics).
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
      // The metadata is not what the protocol type promises.
      return undefined;
    }
  }
}

export interface ClassicGroup extends Group {
  readonly type: 'classic';
  readonly state: ClassicState;
  readonly generation: number;
  /** 'consumer', 'connect' and so on; undefined for a group that only ever kept offsets. */
  readonly protocolType: string | undefined;
  readonly protocolName: string | undefined;
  readonly leader: string | undefined;
  /** When it came into its state. */
  readonly stateSince: StoreTime;
  readonly roster: Roster;
  /** While preparing: the members that have (re)joined. */
  readonly joined: ReadonlySet<string>;
  /** Since the last rebalance: the members that have not fetched their assignment. */
  readonly pendingSync: ReadonlySet<string>;
  /** Member ids that were given out and not used yet (KIP-394), with the time at which they are void. */
  readonly pendingJoin: ReadonlyMap<string, StoreTime>;
  /** While preparing: when it goes on without those who have not joined. */
  readonly joinDeadline: StoreTime | undefined;
  /** When those in `pendingSync` are given up. */
  readonly syncDeadline: StoreTime | undefined;
  /** The first rebalance of an empty group, which waits for further members. */
  readonly initial: InitialRebalance | undefined;
  /** When a static member took the place of its former self last; grows with each time. It does so within a generation. */
  readonly replacedAt?: StoreTime;
}

export interface InitialRebalance {
  /** The delay that is running. */
  readonly delayMs: number;
  /** By how much the wait may still grow. */
  readonly remainingMs: number;
  readonly newMemberAdded: boolean;
}

export const NO_ASSIGNMENT: Buffer = Buffer.alloc(0);

const NOBODY: ReadonlySet<string> = new Set();

/**
 * A classic group without members. `generation`: 0, or where another group's offsets go on, that group's last generation or
 * epoch, since the stamps on them allow no lower one.
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

/** The member of that group.instance.id. */
export function staticMember(group: ClassicGroup, instanceId: string): ClassicMember | undefined {
  for (const member of group.roster.members.values()) if (member.instanceId === instanceId) return member;
  return undefined;
}

/** Whether the ids are those of a member, and a static member's newest (ClassicGroup.validateMember). */
export function memberProblem(group: ClassicGroup, memberId: string, instanceId: string | null): ErrorName | undefined {
  if (instanceId !== null) {
    const existing = staticMember(group, instanceId);
    if (existing === undefined) return 'UNKNOWN_MEMBER_ID';
    if (existing.memberId !== memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.roster.members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID';
}

/** What a member tells about itself for the protocol in use; empty if it does not offer it. */
export function metadataOf(member: ClassicMember, protocolName: string | undefined): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_ASSIGNMENT;
}

/** Whether a member offers exactly these protocols, in this order, with the same metadata (ClassicGroupMember.matches). */
export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return (
    a.length === b.length && a.every(({ name, metadata }, i) => name === b[i]!.name && metadata.equals(b[i]!.metadata))
  );
}

/** Whether one of the protocols is offered by all members (ClassicGroup.supportsProtocols). */
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
 * The protocol of the next generation: of those that all members offer, each votes for the one it prefers
 * (ClassicGroup.selectProtocol). Of equal numbers of votes the one that was voted for first wins.
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
