import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Uuid } from '../core/uuid.ts';
import type { ItemStore, StoreTime } from '../storage/ports.ts';

/** The member that a commit or a fetch of offsets claims to come from. */
export interface MemberClaim {
  /** Empty for a client that is not a member: an admin client, or a consumer that assigns partitions itself. */
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Negative for a client that is not a member. */
  readonly generationOrEpoch: number;
}

/** The claim of a client that is not a member. */
export const NO_MEMBER: MemberClaim = { memberId: '', instanceId: null, generationOrEpoch: -1 };

/** The request that carries an offset commit. */
export interface CommitKind {
  /** TxnOffsetCommit. */
  readonly transactional: boolean;
  /** The request's version; consumer groups answer versions below 9 in the classic protocol's terms. */
  readonly apiVersion: number;
}

/** What decisions about offsets need of a group: its state at one moment, read strongly consistent. */
export interface GroupFacts {
  /** When the group was made; a group that is deleted and made again has another one. */
  readonly since: StoreTime;
  /** What a claim gets whose generation or epoch is over: ILLEGAL_GENERATION or STALE_MEMBER_EPOCH. */
  readonly staleError: ErrorName;
  readonly expiry: ExpiryRule;
  /** Why no offsets may be deleted at all now (Group.validateOffsetDelete). */
  readonly deleteProblem?: ErrorName | undefined;
  /** Whether members (may) read the topic: its offsets are neither deleted nor expired then (Group.isSubscribedToTopic). */
  isSubscribedTo(topicName: string): boolean;
  readonly fence: Fence;
}

/**
 * What commits must not be older than (rule R13): the generation of a classic group; in a consumer group, whose members reach
 * an epoch one after the other, the epoch at which its owner was given a partition (KIP-1251), undefined while nobody owns it.
 * `none`: there are no members, so nobody reads on from an offset. `replacedAt`: when a static member took the place of its former
 * self last, which changes neither generation nor epoch: its first reading has to change the item as well, so that what its former
 * self has on the way meets a changed item and is held against the group again.
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
 * From when on an offset's retention counts (KIP-211): never while the group's members may need it, else from its commit
 * or, where it came later, from when the group lost its last member.
 */
export type ExpiryRule =
  | { readonly kind: 'never' }
  | { readonly kind: 'sinceCommit' }
  | { readonly kind: 'sinceEmpty'; readonly emptySince: StoreTime };

/** The group's answer to a claim. */
export type CheckedClaim =
  | {
      readonly kind: 'ok';
      readonly facts: GroupFacts;
      /** Where the claim holds for some partitions only (KIP-1251): the error of one of the others. */
      partitionProblem?(topicId: Uuid, partition: number): ErrorName | undefined;
    }
  | Refused;

export interface Refused {
  readonly kind: 'refused';
  readonly error: ErrorName;
}

/** The group does not exist, and so it has no offsets. */
export interface NoGroup {
  readonly kind: 'absent';
}

/** What offsets ask of the groups. All reads are strongly consistent and begin after the call. */
export interface OffsetGroups {
  /**
   * May this claim commit offsets now? Creates the group (Empty, no protocol type) if it does not exist and
   * the claim is NO_MEMBER's, as Kafka does for offsets without members.
   */
  checkCommit(groupId: string, claim: MemberClaim, kind: CommitKind, context: RequestContext): Promise<CheckedClaim>;
  /** May this claim read offsets? NO_MEMBER always may. */
  checkFetch(groupId: string, claim: MemberClaim, context: RequestContext): Promise<CheckedClaim | NoGroup>;
}

export interface OffsetSettings {
  /** offsets.retention.minutes, in ms. */
  readonly retentionMs: number;
  /** offset.metadata.max.bytes; like Kafka, counted in UTF-16 units. */
  readonly metadataMax: number;
}

export interface OffsetsEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: OffsetSettings;
}
