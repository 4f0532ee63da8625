import { MalformedBytesError } from '../../core/bytes.ts';
import type { Uuid } from '../../core/uuid.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** The deployment's identity: its cluster id, assigned once. */
export const CLUSTER_PK = 'cluster';
export const CLUSTER_SK = 'cluster';

const FORMAT = 1;

export function encodeCluster(clusterId: Uuid): Buffer {
  return encodeJsonBody(FORMAT, { clusterId });
}

/** Throws MalformedBytesError. */
export function decodeCluster(body: Buffer): Uuid {
  const id = (decodeJsonBody(FORMAT, body) as { clusterId?: unknown } | null)?.clusterId;
  if (typeof id !== 'string' || id === '') throw new MalformedBytesError('the cluster item has no cluster id');
  return id;
}
