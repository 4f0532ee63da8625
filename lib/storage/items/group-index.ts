import { encodeJsonBody } from './json-body.ts';

/**
 * A group of this id exists or may exist: written before the group's first head, removed after its
 * last. The type and state of a group are in its head only, as they change with every rebalance.
 */
const FORMAT = 1;

export function encodeGroupIndexEntry(): Buffer {
  return encodeJsonBody(FORMAT, {});
}
