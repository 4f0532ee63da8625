import type { ErrorName } from '../../core/errors.ts';
import { type MemberProtocol, NO_ASSIGNMENT } from './state.ts';

/** The requests of the classic protocol, and their replies. A group of either protocol answers them. */

/** JoinGroup, whatever its version. */
export interface JoinRequest {
  /** Empty for a member that has no id yet. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly MemberProtocol[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** From version 4 on a new dynamic member is given an id first, and joins with it (KIP-394). */
  readonly requiresKnownMemberId: boolean;
  /** From version 9 on the leader can be told that the assignment stands (KIP-814). */
  readonly supportsSkippingAssignment: boolean;
}

export interface JoinReply {
  readonly error: ErrorName;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** For the leader only. */
  readonly members: readonly JoinedMember[];
}

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Buffer;
}

/** The answer to a join that was refused. */
export function joinRefused(memberId: string, error: ErrorName): JoinReply {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    members: [],
  };
}

/** SyncGroup, whatever its version. */
export interface SyncRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
  /** Null where the version does not name them: nothing to compare then. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** By member id; looked at if the leader sends them. */
  readonly assignments: ReadonlyMap<string, Buffer>;
}

export interface SyncReply {
  readonly error: ErrorName;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Buffer;
}

export function syncRefused(error: ErrorName): SyncReply {
  return { error, protocolType: null, protocolName: null, assignment: NO_ASSIGNMENT };
}

/** Heartbeat, whatever its version. */
export interface HeartbeatRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** NONE, or why not: REBALANCE_IN_PROGRESS tells a member that is fine to join again. */
export type HeartbeatReply = ErrorName;

/** Who leaves: a member by its id, or a static one by its group.instance.id alone, as an administrator removes it. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
}

export interface LeaveRequest {
  readonly members: readonly MemberIdentity[];
}

/** One answer per member, in the order of the request. */
export type LeaveReply = readonly (MemberIdentity & { readonly error: ErrorName })[];
