import { createHash } from 'node:crypto';
import { keyRefusal } from '../item-rules.ts';

/** The partition key of a group's head, bodies and leases. Offsets have keys of their own. */
export function groupPk(groupId: string): string {
  return `group/${groupId}`;
}

/** The index of all groups: sort key is the group's id. */
export const GROUPS_PK = 'groups';

/**
 * The longest group id, in bytes of UTF-8: it is a sort key in the index, and part of the partition
 * keys of its members and offsets. Kafka has no bound of its own.
 */
export const GROUP_ID_BYTES_MAX = 500;

/** Whether a group of that id can be stored. */
export function isGroupId(groupId: string): boolean {
  return Buffer.byteLength(groupId) <= GROUP_ID_BYTES_MAX && keyRefusal(groupPk(groupId), groupId) === undefined;
}

/**
 * Longer member ids are hashed: an id may begin with a client's name, which may have any length.
 */
const READABLE_MEMBER_ID = /^[\x21-\x7d]{1,200}$/;

/**
 * A member id as part of a sort key: itself, or '~' and its SHA-256 where it is long or has unusual
 * characters.
 */
export function memberKey(memberId: string): string {
  if (READABLE_MEMBER_ID.test(memberId)) return memberId;
  return `~${createHash('sha256').update(memberId).digest('base64url')}`;
}
