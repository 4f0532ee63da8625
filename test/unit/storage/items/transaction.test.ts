import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  decodeTransaction,
  encodeTransaction,
  type TransactionState,
  transactionPk,
} from '../../../../lib/storage/items/transaction.ts';
import { MAX_ITEM_BYTES } from '../../../../lib/storage/ports.ts';

const TOPIC = 'AAECAwQFBgcICQoLDA0ODw';
const state: TransactionState = {
  transactionalId: 'payments',
  status: 'PrepareCommit',
  transaction: 7,
  producerId: 1_000,
  producerEpoch: 4,
  lastProducerEpoch: 3,
  previousProducerId: -1,
  nextProducerId: -1,
  protocol: 2,
  timeoutMs: 60_000,
  partitions: new Map([[TOPIC, new Set([0, 3, 130])]]),
  groups: new Set(['billing']),
  startedAt: 1_763_000_000_000,
  updatedAt: 1_763_000_000_500,
};
const BYTES =
  '010202087061796d656e747307d00f08060101e0d40380f8e8afcf66f4bff4d7a73301' +
  '000102030405060708090a0b0c0d0e0f0300027e010762696c6c696e67';

describe('the coordinator item of a transactional id', () => {
  it('comes back as it was', () => {
    expect(decodeTransaction(encodeTransaction(state))).toEqual(state);
    const dead: TransactionState = { ...state, protocol: 1, status: 'Dead', startedAt: -1 };
    expect(decodeTransaction(encodeTransaction(dead))).toEqual(dead);
  });

  it('has these bytes', () => {
    expect(encodeTransaction(state).toString('hex')).toBe(BYTES);
  });

  it('holds 10,000 partitions, of one topic or of as many topics', () => {
    const one = {
      ...state,
      partitions: new Map([[TOPIC, new Set(Array.from({ length: 10_000 }, (_, index) => index))]]),
    };
    const topicId = (index: number) => {
      const id = Buffer.alloc(16);
      id.writeUInt32BE(index);
      return id.toString('base64url');
    };
    const many = {
      ...state,
      partitions: new Map(Array.from({ length: 10_000 }, (_, index) => [topicId(index), new Set([0])] as const)),
    };
    expect(encodeTransaction(one).length).toBeLessThan(11_000);
    expect(encodeTransaction(many).length).toBeLessThan(MAX_ITEM_BYTES / 2);
    expect(decodeTransaction(encodeTransaction(one))).toEqual(one);
    expect(decodeTransaction(encodeTransaction(many))).toEqual(many);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another format', Buffer.concat([Buffer.of(2), encodeTransaction(state).subarray(1)])],
    ['an unknown status', Buffer.concat([Buffer.of(1, 7), encodeTransaction(state).subarray(2)])],
    ['a cut body', encodeTransaction(state).subarray(0, -3)],
  ])('is not made of %s', (_, body) => {
    expect(() => decodeTransaction(body)).toThrow(MalformedBytesError);
  });

  it('has a key within the limits, also for a long id, and no two ids share one', () => {
    const ids = ['a', '~a', 'a/b', 'x'.repeat(10_000), 'x'.repeat(10_001)];
    const keys = ids.map(transactionPk);
    expect(new Set(keys).size).toBe(ids.length);
    expect(keys[0]).toBe('transaction/a');
    for (const key of keys) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024);
    expect(transactionPk(keys[1]!.slice('transaction/'.length))).not.toBe(keys[1]);
  });
});
