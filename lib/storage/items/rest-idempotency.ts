import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';
import { restKey, restPks } from './rest-shard.ts';

/**
 * What is remembered of a produce request with an `Idempotency-Key`, so that a repetition makes the
 * same batches. It is written before the first append and never changed.
 */
export interface RestIdempotency {
  /** Used for this request alone. */
  readonly producerId: number;
  /** SHA-256 of the body, base64url. */
  readonly bodyHash: string;
  /** The topic's partitions at the first attempt. */
  readonly partitions: number;
  /** The partition of records without a key. */
  readonly sticky: number;
  /** The timestamp of records without one; ms. */
  readonly timestamp: number;
  /** When the key was first used. */
  readonly at: StoreTime;
}

const FAMILY = 'idempotency';
const FORMAT = 1;

export const REST_IDEMPOTENCY_PKS: readonly string[] = restPks(FAMILY);

/** A key belongs to one principal and one topic, which is named by its id. */
export function restIdempotencyKey(principal: string, topicId: string, key: string) {
  return restKey(FAMILY, [principal, topicId, key]);
}

export function encodeRestIdempotency(item: RestIdempotency): Buffer {
  return encodeJsonBody(FORMAT, item);
}

/** Throws MalformedBytesError. */
export function decodeRestIdempotency(body: Buffer): RestIdempotency {
  const item = decodeJsonBody(FORMAT, body) as RestIdempotency | null;
  const numbers = [item?.producerId, item?.partitions, item?.sticky, item?.timestamp, item?.at];
  if (typeof item?.bodyHash !== 'string' || !numbers.every(Number.isFinite)) {
    throw new MalformedBytesError('an idempotency key lacks what every one has');
  }
  return item;
}
