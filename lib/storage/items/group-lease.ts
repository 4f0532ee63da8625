import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { memberKey } from './group-keys.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * A member's last heartbeat. It is an item of its own, so that heartbeats do not contend for the
 * group's head.
 */
export interface GroupLease {
  readonly memberId: string;
  readonly at: StoreTime;
  /** The session time-out; an older item belongs to no live member. */
  readonly sessionMs: number;
}

const PREFIX = 'lease/';
const FORMAT = 1;

/** Bounds of the sort keys of all leases of a group, for a query. */
export const GROUP_LEASES = { from: PREFIX, to: 'lease0' };

export function groupLeaseSk(memberId: string): string {
  return PREFIX + memberKey(memberId);
}

export function encodeGroupLease(lease: GroupLease): Buffer {
  return encodeJsonBody(FORMAT, lease);
}

/** Throws MalformedBytesError. */
export function decodeGroupLease(body: Buffer): GroupLease {
  const lease = decodeJsonBody(FORMAT, body) as GroupLease | null;
  if (typeof lease?.memberId !== 'string' || !Number.isFinite(lease.at) || !Number.isFinite(lease.sessionMs)) {
    throw new MalformedBytesError('the lease of a group member lacks what every lease has');
  }
  return lease;
}
