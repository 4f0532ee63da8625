import { MalformedBytesError } from '../../core/bytes.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * The finalized level of the feature `transaction.version`. There is no item until the first change.
 * Each change raises the version by one.
 */
export const TRANSACTION_LEVEL_PK = 'cluster';
export const TRANSACTION_LEVEL_SK = 'transaction.version';

/** 1: producers add partitions themselves; 2: KIP-890. */
export type TransactionLevel = 1 | 2;

const FORMAT = 1;

export function encodeTransactionLevel(level: TransactionLevel): Buffer {
  return encodeJsonBody(FORMAT, { level });
}

/** Throws MalformedBytesError. */
export function decodeTransactionLevel(body: Buffer): TransactionLevel {
  const level = (decodeJsonBody(FORMAT, body) as { level?: unknown } | null)?.level;
  if (level !== 1 && level !== 2) throw new MalformedBytesError('the level of transaction.version is unknown');
  return level;
}
