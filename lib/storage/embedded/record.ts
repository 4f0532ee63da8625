import { assert } from '../../core/assert.ts';
import type { Item } from '../ports.ts';

/** The layout below; a store with records of another one has another STORE_FORMAT. */
const RECORD_FORMAT = 1;
const HEADER_BYTES = 10;

/** Above every byte that UTF-8 uses, so that it ends the range of a partition. */
const AFTER_UTF8 = 0xff;

/**
 * Key of an item: u16 length of pk, pk, sk. The length keeps partitions apart whatever their names;
 * within one, keys compare by the bytes of sk.
 */
export function recordKey(pk: string, sk: string): Buffer {
  const pkBytes = Buffer.byteLength(pk);
  const key = Buffer.allocUnsafe(2 + pkBytes + Buffer.byteLength(sk));
  key.writeUInt16BE(pkBytes, 0);
  key.write(pk, 2);
  key.write(sk, 2 + pkBytes);
  return key;
}

/** The key that follows all of a partition. */
export function partitionEnd(pk: string): Buffer {
  const key = recordKey(pk, ' ');
  key[key.length - 1] = AFTER_UTF8;
  return key;
}

/** The sort key in a key of the partition `pk` that takes `pkBytes` bytes. */
export function sortKeyOf(key: Buffer, pkBytes: number): string {
  return key.toString('utf8', 2 + pkBytes);
}

/**
 * Value of an item: u8 format, f64 version, u8 length of the nonce, nonce, body. A copy: the item
 * may change after.
 */
export function encodeRecord(item: Item): Buffer {
  const nonceBytes = item.nonce.length;
  const record = Buffer.allocUnsafe(HEADER_BYTES + nonceBytes + item.body.length);
  record.writeUInt8(RECORD_FORMAT, 0);
  record.writeDoubleBE(item.version, 1);
  record.writeUInt8(nonceBytes, 9);
  record.write(item.nonce, HEADER_BYTES, 'latin1');
  record.set(item.body, HEADER_BYTES + nonceBytes);
  return record;
}

/** The item in a record; its body shares the record's memory. */
export function decodeRecord(pk: string, sk: string, record: Buffer): Item {
  assert(record[0] === RECORD_FORMAT, `a record of format ${record[0]}, this program reads ${RECORD_FORMAT}`);
  const bodyStart = HEADER_BYTES + record.readUInt8(9);
  return {
    pk,
    sk,
    version: record.readDoubleBE(1),
    nonce: record.toString('latin1', HEADER_BYTES, bodyStart),
    body: record.subarray(bodyStart),
  };
}

/** The version in a record, without decoding the rest. */
export function versionOf(record: Buffer): number {
  return record.readDoubleBE(1);
}
