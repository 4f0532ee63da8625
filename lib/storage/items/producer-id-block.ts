import { MalformedBytesError } from '../../core/bytes.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** The next producer id to hand out; one item for the whole deployment. */
export const PRODUCER_IDS_PK = 'producer-ids';
export const PRODUCER_IDS_SK = 'next';

const FORMAT = 1;

export function encodeNextProducerId(next: number): Buffer {
  return encodeJsonBody(FORMAT, { next });
}

/** Throws MalformedBytesError. */
export function decodeNextProducerId(body: Buffer): number {
  const next = (decodeJsonBody(FORMAT, body) as { next?: unknown } | null)?.next;
  if (!Number.isSafeInteger(next) || (next as number) < 0) throw new MalformedBytesError(`not a producer id: ${next}`);
  return next as number;
}
