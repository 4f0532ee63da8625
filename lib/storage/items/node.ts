import { assert } from '../../core/assert.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * A registered gateway of a fleet. The item stays when the node is gone, so that its version never
 * restarts (rule R9).
 */
export interface NodeRecord {
  readonly nodeId: number;
  /** Identifies the process among those that have had this node id. */
  readonly incarnation: string;
  /** Its address for the clients of each listener. */
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly rack: string | null;
  /** The last heartbeat. */
  readonly at: StoreTime;
  /** The node counts as gone this long after `at`; ms. */
  readonly sessionMs: number;
  /** It has announced its shutdown. */
  readonly left: boolean;
}

/** All nodes ever registered. Ids are few, as the ids of nodes that are gone are reused. */
export const NODES_PK = 'nodes';

const FORMAT = 1;

/** As wide as Kafka's INT32 ids, so that keys sort as ids do. */
const ID_DIGITS = 10;

/** The sort key of a node's item. */
export function nodeSk(nodeId: number): string {
  assert(Number.isSafeInteger(nodeId) && nodeId >= 0, `not a node id: ${nodeId}`);
  return String(nodeId).padStart(ID_DIGITS, '0');
}

/** The node id that a sort key stands for. */
export function nodeIdOfSk(sk: string): number {
  return Number(sk);
}

export function encodeNode(node: NodeRecord): Buffer {
  return encodeJsonBody(FORMAT, node);
}

/** Throws MalformedBytesError. */
export function decodeNode(body: Buffer): NodeRecord {
  const node = decodeJsonBody(FORMAT, body) as NodeRecord | null;
  const whole =
    Number.isSafeInteger(node?.nodeId) &&
    typeof node?.incarnation === 'string' &&
    Array.isArray(node.listeners) &&
    Number.isFinite(node.at) &&
    Number.isFinite(node.sessionMs);
  if (!whole) throw new MalformedBytesError('the item of a node lacks what every node has');
  return node;
}
