import type { MeteredCall } from '../storage/metering.ts';
import type { CallKind } from '../storage/ports.ts';

/**
 * What AWS bills the requests of a store in. `write` and `read`: request units of DynamoDB on
 * demand. The others: requests of S3.
 */
export const UNITS = ['write', 'read', 'put', 'get', 'list', 'delete'] as const;
export type Unit = (typeof UNITS)[number];

/** A count of each unit. */
export type Units = Readonly<Record<Unit, number>>;

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html */
export const WRITE_UNIT_BYTES = 1024;
export const READ_UNIT_BYTES = 4096;

/**
 * Objects of one answer to a LIST; more take further requests.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
const LIST_PAGE_OBJECTS = 1000;

const UNIT_OF: Readonly<Record<CallKind, Unit>> = {
  'journal.get': 'read',
  'journal.query': 'read',
  'journal.put': 'write',
  'journal.delete': 'write',
  'state.get': 'read',
  'state.query': 'read',
  'state.put': 'write',
  'state.delete': 'write',
  'blobs.put': 'put',
  'blobs.get': 'get',
  'blobs.getRange': 'get',
  'blobs.delete': 'delete',
  'blobs.list': 'list',
};

/** The unit in which a call is billed. A delete of an item is billed in write units. */
export function unitOf(kind: CallKind): Unit {
  return UNIT_OF[kind];
}

/**
 * How many units AWS bills for a call. 0 for a call that was refused or throttled, and for a read
 * that failed: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 * and https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html. A write without
 * an answer counts as done. Repeats inside an adapter show here as one call.
 *
 * @param bytesBefore size of the item that a put replaces or a delete removes, as far as it is
 *   known; bytes
 */
export function unitsOf(call: MeteredCall, bytesBefore = 0): number {
  if (call.outcome === 'error' || call.outcome.startsWith('refused')) return 0;
  switch (UNIT_OF[call.kind]) {
    case 'write':
      return call.outcome === 'conflict' ? writeUnits(call.bytesOut) : writeUnits(Math.max(call.bytesIn, bytesBefore));
    case 'read':
      return readUnits(call.bytesOut, call.consistent);
    case 'list':
      return Math.max(1, Math.ceil(call.items / LIST_PAGE_OBJECTS));
    case 'put':
    case 'get':
    case 'delete':
      return 1;
  }
}

/**
 * A write is billed by the larger of the item before and after it, a delete by the item that it
 * removes, a failed condition by the item that it met; each at least 1 unit.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
 *
 * @param bytes size of that item
 */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / WRITE_UNIT_BYTES));
}

/**
 * A read is billed by the sizes of all items of its page together, at least 1 unit; an eventually
 * consistent one half of that.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
 */
export function readUnits(bytes: number, consistent: boolean): number {
  return Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (consistent ? 1 : 0.5);
}

/** A count of each unit that is 0. */
export function noUnits(): Record<Unit, number> {
  return { write: 0, read: 0, put: 0, get: 0, list: 0, delete: 0 };
}
