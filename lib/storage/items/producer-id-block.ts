import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** The first producer id that no process has taken yet; one item for the whole deployment. */
export const PRODUCER_IDS_PK = 'producer-ids';
export const PRODUCER_IDS_SK = 'next';

const FORMAT = 1;

export function encodeNextProducerId(next: number): Buffer {
  return encodeJsonBody(FORMAT, { next });
}

/** Throws MalformedBytesError. */
export function decodeNextProducerId(body: Buffer): number {
  return (decodeJsonBody(FORMAT, body) as { next: number }).next;
}
