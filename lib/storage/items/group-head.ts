import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * A group's head: the part that changes with every step, with the body or the place of the body.
 */
export const GROUP_HEAD_SK = 'group';

/**
 * `since`: when the group was created; items of an earlier group with that id are older.
 * - `group`: `head` and `body` are JSON as the group's protocol writes them. The body is inline, or
 *   in an item of its own under `bodyKey`. `isUnused`: the sweep is about to delete the group; a
 *   request that needs it removes the mark first.
 * - `deleting`: the group is deleted; the next process that reads this removes its other items.
 * - `deleted`: only this item is left. It stays until no write that was sent for the group can
 *   still land, so that the version never restarts (rule R9).
 */
export type GroupHead =
  | {
      readonly kind: 'group';
      readonly type: string;
      readonly since: StoreTime;
      readonly head: unknown;
      readonly body: StoredBody;
      readonly isUnused?: boolean;
    }
  | { readonly kind: 'deleting'; readonly since: StoreTime }
  | { readonly kind: 'deleted'; readonly since: StoreTime };

export type StoredBody =
  | { readonly kind: 'inline'; readonly json: unknown }
  /** Deflated JSON. */
  | { readonly kind: 'deflated'; readonly bytes: Buffer }
  | { readonly kind: 'item'; readonly sk: string };

const FORMAT = 1;

/**
 * Format of a group that is marked as unused: a program that does not know the mark must not use
 * such a group.
 */
const FORMAT_UNUSED = 2;

export function encodeGroupHead(head: GroupHead): Buffer {
  const { since } = head;
  if (head.kind !== 'group') return encodeJsonBody(FORMAT, { [head.kind]: true, since });
  const { type, body } = head;
  const place = {
    body: body.kind === 'inline' ? body.json : undefined,
    deflatedBody: body.kind === 'deflated' ? body.bytes.toString('base64') : undefined,
    bodyKey: body.kind === 'item' ? body.sk : undefined,
  };
  const format = head.isUnused === true ? FORMAT_UNUSED : FORMAT;
  return encodeJsonBody(format, { type, since, head: head.head, ...place });
}

/** Throws MalformedBytesError. */
export function decodeGroupHead(item: Buffer): GroupHead {
  const isUnused = item[0] === FORMAT_UNUSED;
  const stored = decodeJsonBody(isUnused ? FORMAT_UNUSED : FORMAT, item) as {
    readonly deleting?: boolean;
    readonly deleted?: boolean;
    readonly type?: unknown;
    readonly since?: unknown;
    readonly head?: unknown;
    readonly body?: unknown;
    readonly deflatedBody?: string;
    readonly bodyKey?: string;
  } | null;
  const since = stored?.since;
  if (typeof since !== 'number')
    throw new MalformedBytesError('the head of a group does not say since when it is there');
  if (stored?.deleting === true) return { kind: 'deleting', since };
  if (stored?.deleted === true) return { kind: 'deleted', since };
  if (typeof stored?.type !== 'string') throw new MalformedBytesError('the head of a group has no type');
  const { type, head, body: json, deflatedBody, bodyKey } = stored;
  let body: StoredBody = { kind: 'inline', json };
  if (typeof bodyKey === 'string') body = { kind: 'item', sk: bodyKey };
  else if (typeof deflatedBody === 'string') body = { kind: 'deflated', bytes: Buffer.from(deflatedBody, 'base64') };
  return { kind: 'group', type, since, head, body, ...(isUnused ? { isUnused } : {}) };
}
