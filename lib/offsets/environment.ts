import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Uuid } from '../core/uuid.ts';
import type { ItemStore, StoreTime } from '../storage/ports.ts';

/** The identity that a client claims when it commits or fetches offsets. */
export interface MemberClaim {
  /**
   * Empty for a client that is not a member: an admin client, or a consumer that assigns partitions
   * itself.
   */
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Negative for a client that is not a member. */
  readonly generationOrEpoch: number;
}

/** The claim of a client that is not a member. */
export const NO_MEMBER: MemberClaim = { memberId: '', instanceId: null, generationOrEpoch: -1 };

/** The kind of request that commits offsets. */
export interface CommitKind {
  /** TxnOffsetCommit. */
  readonly transactional: boolean;
  /**
   * The request's version. For versions below 9, consumer groups return the errors of the classic
   * protocol.
   */
  readonly apiVersion: number;
}

/**
 * The group's state that decisions about offsets depend on, at one moment, read strongly
 * consistent.
 */
export interface GroupFacts {
  /** Creation time of the group. It differs for a group that was deleted and created again. */
  readonly since: StoreTime;
  /**
   * The error for a claim with an old generation or epoch: ILLEGAL_GENERATION or
   * STALE_MEMBER_EPOCH.
   */
  readonly staleError: ErrorName;
  readonly expiry: ExpiryRule;
  /** Why offsets may not be deleted now; undefined if they may (Group.validateOffsetDelete). */
  readonly deleteProblem?: ErrorName | undefined;
  /**
   * Whether members read the topic, or may read it. If so, its offsets are neither deleted nor
   * expired (Group.isSubscribedToTopic).
   */
  isSubscribedTo(topicName: string): boolean;
  readonly fence: Fence;
}

/**
 * The minimum generation or epoch of commits (rule R13).
 * - `none`: the group has no members, so no member consumes from an offset.
 * - `group`: the generation of a classic group.
 * - `partition`: the members of a consumer group reach an epoch one after the other. Therefore the
 *   minimum is the epoch at which the partition's owner got it (KIP-1251); undefined without an
 *   owner.
 *
 * `replacedAt`: when a static member last replaced its previous incarnation, which changes neither
 * generation nor epoch. The replacement's first read has to change the item as well. A commit that
 * its previous incarnation has in flight then conflicts, and its claim is checked again.
 */
export type Fence =
  | { readonly kind: 'none' }
  | { readonly kind: 'group'; readonly generation: number; readonly replacedAt?: StoreTime | undefined }
  | {
      readonly kind: 'partition';
      epochOf(topicId: Uuid, partition: number): number | undefined;
      readonly replacedAt?: StoreTime | undefined;
    };

/**
 * When an offset's retention begins (KIP-211). Never, while the group's members may need the
 * offset. Otherwise at its commit, or when the group lost its last member, if that is later.
 */
export type ExpiryRule =
  | { readonly kind: 'never' }
  | { readonly kind: 'sinceCommit' }
  | { readonly kind: 'sinceEmpty'; readonly emptySince: StoreTime };

/** The result of checking a claim. */
export type CheckedClaim =
  | {
      readonly kind: 'ok';
      readonly facts: GroupFacts;
      /**
       * Set if the claim holds for some partitions only (KIP-1251). Returns the error of the
       * others.
       */
      partitionProblem?(topicId: Uuid, partition: number): ErrorName | undefined;
    }
  | Refused;

export interface Refused {
  readonly kind: 'refused';
  readonly error: ErrorName;
}

/** The group does not exist, and therefore has no offsets. */
export interface NoGroup {
  readonly kind: 'absent';
}

/**
 * The group checks that offsets depend on. All reads are strongly consistent and begin after the
 * call.
 */
export interface OffsetGroups {
  /**
   * Whether this claim may commit offsets now. If the group does not exist and the claim is
   * NO_MEMBER, creates it (Empty, no protocol type), as Kafka does for offsets without members.
   */
  checkCommit(groupId: string, claim: MemberClaim, kind: CommitKind, context: RequestContext): Promise<CheckedClaim>;
  /** Whether this claim may read offsets. NO_MEMBER always may. */
  checkFetch(groupId: string, claim: MemberClaim, context: RequestContext): Promise<CheckedClaim | NoGroup>;
}

export interface OffsetSettings {
  /** offsets.retention.minutes, in ms. */
  readonly retentionMs: number;
  /** offset.metadata.max.bytes; counted in UTF-16 units, as in Kafka. */
  readonly metadataMax: number;
}

export interface OffsetsEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: OffsetSettings;
}
