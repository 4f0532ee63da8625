import type { ErrorName } from '../core/errors.ts';
import type { CommitKind, GroupFacts, MemberClaim } from '../offsets/environment.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { SubscribedTopic } from './facts.ts';
import type { Group, GroupSummary, Session } from './group.ts';
import type { StepContext } from './step.ts';

/** The part of GroupFacts that depends on the protocol. */
export type OffsetFacts = Omit<GroupFacts, 'since' | 'isSubscribedTo'>;

/**
 * A group protocol, as the coordinator uses it: pure functions over its groups. The requests
 * themselves are steps (see Step). A group is stored in two parts. The head has a few hundred bytes
 * and is written with every change. The body has everything that grows with the members. It is
 * written again only if `bodyOf` returns another reference than for the loaded group.
 */
export interface GroupProtocol<G extends Group> {
  readonly type: G['type'];
  summary(group: G): GroupSummary;
  /** The sessions of all members. */
  sessions(group: G): Iterable<Session>;
  /**
   * Store time of the next deadline at which the group changes without a request; undefined for
   * none. Does not consider sessions.
   */
  dueAt(group: G): StoreTime | undefined;
  /**
   * The group at `context.now`: without the `expired` members, whose sessions are over, and past
   * all earlier deadlines. The same reference if nothing is due.
   */
  advance(group: G, expired: ReadonlySet<string>, context: StepContext): Group;
  /**
   * Why this claim may not commit offsets now; undefined if it may (Group.validateOffsetCommit).
   */
  checkCommit(group: G, claim: MemberClaim, kind: CommitKind): ErrorName | undefined;
  /** Why this claim may not read offsets; undefined if it may (Group.validateOffsetFetch). */
  checkFetch(group: G, claim: MemberClaim): ErrorName | undefined;
  /** Why the group may not be deleted; undefined if it may (Group.validateDeleteGroup). */
  checkDelete(group: G): ErrorName | undefined;
  /**
   * Whether members read this topic, or may read it. If so, its offsets are kept
   * (Group.isSubscribedToTopic).
   */
  isSubscribedTo(group: G, topic: string): boolean;
  /**
   * The rules for the group's offsets that follow from its state, for a request with this claim.
   */
  offsetFacts(group: G, claim: MemberClaim): OffsetFacts;
  /** The topics that the group knows, by name. Absent for a protocol whose groups know none. */
  topicsOf?(group: G): ReadonlyMap<string, SubscribedTopic>;
  /** The part of the group that is stored as its body; compared by reference. */
  bodyOf(group: G): object;
  /** The head without the body, as JSON. */
  encodeHead(group: G): unknown;
  /** The body as JSON, with buffers as base64. */
  encodeBody(group: G): unknown;
  /** Decodes the group from the JSON of both parts. Throws MalformedBytesError. */
  decode(head: unknown, body: unknown): G;
}
