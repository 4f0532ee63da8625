import { assert } from '../../core/assert.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** A gateway of a fleet, as it registered itself. The item stays when the node is gone, so that its version never restarts (rule R9). */
export interface NodeRecord {
  readonly nodeId: number;
  /** Which process it is, of those that have had this id. */
  readonly incarnation: string;
  /** Where clients of each listener find it. */
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[];
  readonly rack: string | null;
  /** The last heartbeat. */
  readonly at: StoreTime;
  /** So long after `at` the node counts as gone. */
  readonly sessionMs: number;
  /** It has said that it goes. */
  readonly left: boolean;
}

/** All nodes there ever were; ids are few, as those of nodes that are gone are taken again. */
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
