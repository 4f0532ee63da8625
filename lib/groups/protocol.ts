import type { ErrorName } from '../core/errors.ts';
import type { CommitKind, GroupFacts, MemberClaim } from '../offsets/environment.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { SubscribedTopic } from './facts.ts';
import type { Group, GroupSummary, Session } from './group.ts';
import type { StepContext } from './step.ts';

/** The part of GroupFacts that depends on the protocol. */
export type OffsetFacts = Omit<GroupFacts, 'since' | 'isSubscribedTo'>;

/**
 * What the coordinator needs of a protocol: pure functions over its groups. The requests themselves are steps (see Step).
 * A group is stored in two parts: a head of a few hundred bytes that is written with every change, and a body with all that
 * grows with the members, which is written again only where `bodyOf` gives another reference than for the group as loaded.
 */
export interface GroupProtocol<G extends Group> {
  readonly type: G['type'];
  summary(group: G): GroupSummary;
  /** All members. */
  sessions(group: G): Iterable<Session>;
  /** Store time at which the group moves on though nobody asks; undefined for never. Sessions are not looked at. */
  dueAt(group: G): StoreTime | undefined;
  /**
   * The group as time has left it: without the `expired` members (their sessions are over) and past the deadlines that lie
   * before `context.now`. The same reference if nothing is due.
   */
  advance(group: G, expired: ReadonlySet<string>, context: StepContext): Group;
  /** Why this claim may not commit offsets now; undefined if it may (Group.validateOffsetCommit). */
  checkCommit(group: G, claim: MemberClaim, kind: CommitKind): ErrorName | undefined;
  /** Why this claim may not read offsets; undefined if it may (Group.validateOffsetFetch). */
  checkFetch(group: G, claim: MemberClaim): ErrorName | undefined;
  /** Why the group may not be deleted; undefined if it may (Group.validateDeleteGroup). */
  checkDelete(group: G): ErrorName | undefined;
  /** Whether members (may) read this topic, so that its offsets stay (Group.isSubscribedToTopic). */
  isSubscribedTo(group: G, topic: string): boolean;
  /** What the group's state means for its offsets, for a request that makes this claim. */
  offsetFacts(group: G, claim: MemberClaim): OffsetFacts;
  /** What the group knows of its topics, by name; left out where it knows nothing of them. */
  topicsOf?(group: G): ReadonlyMap<string, SubscribedTopic>;
  /** The part of the group that is stored as its body; compared by reference. */
  bodyOf(group: G): object;
  /** The head without the body, as JSON. */
  encodeHead(group: G): unknown;
  /** The body, as JSON; buffers as base64 text. */
  encodeBody(group: G): unknown;
  /** The group from both parts, as JSON. Throws MalformedBytesError. */
  decode(head: unknown, body: unknown): G;
}
