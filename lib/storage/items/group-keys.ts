import { createHash } from 'node:crypto';
import { keyRefusal } from '../item-rules.ts';

/** All that is stored of one group (its offsets aside) lies under this partition key: head, bodies, leases. */
export function groupPk(groupId: string): string {
  return `group/${groupId}`;
}

/** The index of all groups: sort key is the group's id. */
export const GROUPS_PK = 'groups';

/**
 * The longest group id, in bytes of UTF-8: it is a sort key in the index, and part of the partition keys of its members
 * and offsets. Kafka has no bound of its own.
 */
export const GROUP_ID_BYTES_MAX = 500;

/** Whether a group of that id can be stored. */
export function isGroupId(groupId: string): boolean {
  return Buffer.byteLength(groupId) <= GROUP_ID_BYTES_MAX && keyRefusal(groupPk(groupId), groupId) === undefined;
}

/** Ids that begin with a client's name may be as long as a string may be; those stand as they are up to here. */
const READABLE_MEMBER_ID = /^[\x21-\x7d]{1,200}$/;

/** A member id as part of a sort key: itself, or '~' and its SHA-256 where it is long or has unusual characters. */
export function memberKey(memberId: string): string {
  if (READABLE_MEMBER_ID.test(memberId)) return memberId;
  return `~${createHash('sha256').update(memberId).digest('base64url')}`;
}
