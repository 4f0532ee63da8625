import { describe, expect, it } from 'vitest';
import {
  decodeRecord,
  encodeRecord,
  partitionEnd,
  recordKey,
  sortKeyOf,
  versionOf,
} from '../../../lib/storage/embedded/record.ts';
import type { Item } from '../../../lib/storage/ports.ts';

describe('a record of the embedded store', () => {
  it('has the bytes that it has always had', () => {
    const item: Item = { pk: 'journal/a/0', sk: '12', version: 1.5, nonce: 'n1', body: Buffer.from('abc') };
    const hex = ['01', '3ff8000000000000', '02', '6e31', '616263'].join('');
    expect(encodeRecord(item).toString('hex')).toBe(hex);
    expect(decodeRecord(item.pk, item.sk, Buffer.from(hex, 'hex'))).toEqual(item);
    expect(versionOf(Buffer.from(hex, 'hex'))).toBe(1.5);
  });

  it('has the key that it has always had', () => {
    const key = recordKey('é', 'sk');
    expect(key.toString('hex')).toBe('0002c3a9736b');
    expect(sortKeyOf(key, 2)).toBe('sk');
    expect(partitionEnd('é').toString('hex')).toBe('0002c3a9ff');
  });

  it('of another format is not read', () => {
    expect(() => decodeRecord('pk', 'sk', Buffer.from('023ff80000000000000061', 'hex'))).toThrow('format 2');
  });
});
