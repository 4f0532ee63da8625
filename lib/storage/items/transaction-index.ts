import { MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import { encodeJsonBody } from './json-body.ts';

/**
 * The index of all transactional ids: sort key is the id's `transactionKey`. An entry says that a
 * coordinator item exists or may exist; the id is in that item.
 */
export const TRANSACTIONS_PK = 'transactions';

/** When to look whether a transactional id has expired. One query reads what is due. */
export const TRANSACTIONS_DUE_PK = 'transactions-due';

/** Enough for any time of the next 30,000 years, so that keys sort by time. */
const TIME_DIGITS = 15;
const SK = new RegExp(`^\\d{${TIME_DIGITS}}/(.+)$`, 's');

/** @param key the id's `transactionKey` */
export function transactionDueSk(key: string, at: StoreTime): string {
  return `${timeKey(at)}/${key}`;
}

/** End (exclusive) of the sort keys of what is due at or before a store time. */
export function transactionDueSkEnd(now: StoreTime): string {
  return timeKey(Math.floor(now) + 1);
}

/** The `transactionKey` of a due id. Throws MalformedBytesError. */
export function keyOfTransactionDue(sk: string): string {
  const match = SK.exec(sk);
  if (match === null) throw new MalformedBytesError(`not the key of a due transactional id: ${sk}`);
  return match[1]!;
}

function timeKey(at: StoreTime): string {
  return String(Math.ceil(at)).padStart(TIME_DIGITS, '0');
}

const FORMAT = 1;

/** The key says everything, in both lists. */
export function encodeTransactionIndexEntry(): Buffer {
  return encodeJsonBody(FORMAT, {});
}
