import type { ErrorName } from '../../core/errors.ts';
import { type MemberProtocol, NO_ASSIGNMENT } from './state.ts';

/** The requests of the classic protocol and their replies. Groups of both protocols answer them. */

/** JoinGroup, all versions. */
export interface JoinRequest {
  /** Empty for a member without an id. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly MemberProtocol[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** True from version 4 on: a new dynamic member gets an id first and joins with it (KIP-394). */
  readonly requiresKnownMemberId: boolean;
  /** True from version 9 on: the reply can ask the leader to skip the assignment (KIP-814). */
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

/** The reply to a refused join. */
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

/** SyncGroup, all versions. */
export interface SyncRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
  /** Null in versions without the field; it is then not compared. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** By member id; used only if the leader sends them. */
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

/** Heartbeat, all versions. */
export interface HeartbeatRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** NONE or an error. REBALANCE_IN_PROGRESS asks a valid member to rejoin. */
export type HeartbeatReply = ErrorName;

/**
 * A leaving member: by member id, or a static member by its group.instance.id alone, as
 * administrators remove it.
 */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
}

export interface LeaveRequest {
  readonly members: readonly MemberIdentity[];
}

/** One result per member, in the order of the request. */
export type LeaveReply = readonly (MemberIdentity & { readonly error: ErrorName })[];
