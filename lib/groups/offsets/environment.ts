import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { ItemStore, StoreTime } from '../../storage/ports.ts';
import type { CommitKind, MemberClaim } from '../group.ts';

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

/** A claim after the group was asked about it. */
export type CheckedClaim =
  | {
      readonly kind: 'ok';
      readonly facts: GroupFacts;
      /** Where the claim is good for some partitions only (KIP-1251): what stands against one of them. */
      partitionProblem?(topicId: Uuid, partition: number): ErrorName | undefined;
    }
  | { readonly kind: 'refused'; readonly error: ErrorName };

/** The group for whoever administers it. */
export type FoundGroup =
  | { readonly kind: 'found'; readonly facts: GroupFacts }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly error: ErrorName };

/** The groups, as far as their offsets need them. All reads are strongly consistent and begin after the call. */
export interface OffsetGroups {
  /** May this claim commit now? Makes the group where there is none and the claim is nobody's. */
  checkCommit(groupId: string, claim: MemberClaim, kind: CommitKind, context: RequestContext): Promise<CheckedClaim>;
  /** May this claim read offsets? Where there is no such group, there are no offsets, and anybody may know. */
  checkFetch(
    groupId: string,
    claim: MemberClaim,
    context: RequestContext,
  ): Promise<CheckedClaim | { readonly kind: 'absent' }>;
  find(groupId: string, context: RequestContext): Promise<FoundGroup>;
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
