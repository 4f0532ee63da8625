import { MalformedBytesError } from '../../core/bytes.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * The transactional id of a producer id. Entries and views know producers by their ids alone, and a
 * reader that is held up by an open transaction finds its coordinator item through this one. Put
 * once, before the coordinator item first has the producer id.
 */
export const TRANSACTION_PRODUCER_SK = 'transactional-id';

const FORMAT = 1;

export function transactionProducerPk(producerId: number): string {
  return `producer/${producerId}`;
}

export function encodeTransactionProducer(transactionalId: string): Buffer {
  return encodeJsonBody(FORMAT, { transactionalId });
}

/** Throws MalformedBytesError. */
export function decodeTransactionProducer(body: Buffer): string {
  const id = (decodeJsonBody(FORMAT, body) as { transactionalId?: unknown } | null)?.transactionalId;
  if (typeof id !== 'string') throw new MalformedBytesError('not a transactional id');
  return id;
}
