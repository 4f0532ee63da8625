import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  decodeOffsetsBlock,
  encodeOffsetsBlock,
  type OffsetsBlock,
  offsetsBlockOf,
  offsetsPk,
  offsetsSk,
  offsetsSkRange,
  parseOffsetsSk,
} from '../../../../lib/storage/items/committed-offsets.ts';
import { TOPIC } from '../../offsets/world.ts';

const committed = fc.record({
  offset: fc.maxSafeInteger(),
  leaderEpoch: fc.integer({ min: -1 }),
  metadata: fc.string({ unit: 'binary' }),
  at: fc.maxSafeNat(),
});
const expiring = fc.record({
  ...{ offset: fc.nat(), leaderEpoch: fc.nat(), at: fc.nat() },
  metadata: fc.string(),
  expiresAt: fc.nat(),
});

const block: fc.Arbitrary<OffsetsBlock> = fc.record({
  topicName: fc.string(),
  groupSince: fc.maxSafeNat(),
  stamp: fc.integer({ min: -1 }),
  stamps: fc.uniqueArray(fc.tuple(fc.nat(), fc.nat()), { selector: ([partition]) => partition }).map(sortedMap),
  committed: fc
    .uniqueArray(fc.tuple(fc.nat(), fc.oneof(committed, expiring)), { selector: ([partition]) => partition })
    .map(sortedMap),
  pending: fc.array(
    fc.record({
      partition: fc.nat(),
      transactionalId: fc.string(),
      transaction: fc.nat(),
      offset: fc.option(committed, { nil: undefined }),
    }),
  ),
});

function sortedMap<T>(entries: [number, T][]): ReadonlyMap<number, T> {
  return new Map(entries.sort(([a], [b]) => a - b));
}

describe('the item of committed offsets', () => {
  it('has the bytes that it has always had', () => {
    const one: OffsetsBlock = {
      topicName: 'orders',
      groupSince: 1,
      stamp: 2,
      stamps: new Map([
        [17, 4],
        [16, 3],
      ]),
      replacedAt: 5,
      committed: new Map([
        [18, { offset: 30, leaderEpoch: 0, metadata: '', at: 8, expiresAt: 9 }],
        [17, { offset: 20, leaderEpoch: 1, metadata: 'é', at: 7 }],
        [16, { offset: 10, leaderEpoch: -1, metadata: '', at: 6 }],
      ]),
      pending: [
        {
          ...{ partition: 16, transactionalId: 't', transaction: 11 },
          offset: { offset: 12, leaderEpoch: 2, metadata: 'm', at: 13 },
        },
        { partition: 17, transactionalId: 'u', transaction: 14, offset: undefined },
      ],
    };
    const stored = [
      '\x01{"topic":"orders","since":1,"stamp":2,"stamps":[[16,3],[17,4]],"replacedAt":5',
      '"offsets":[[16,10,-1,6],[17,20,1,7,"é"],[18,30,0,8,"",9]],"pending":[["t",11,[16,12,2,13,"m"]],["u",14,17]]}',
    ].join();
    expect(encodeOffsetsBlock(one).toString()).toBe(stored);
    expect(decodeOffsetsBlock(Buffer.from(stored))).toEqual(one);
    const least = '\x01{"topic":"orders","since":1,"offsets":[]}';
    expect(encodeOffsetsBlock({ ...EMPTY, topicName: 'orders', groupSince: 1 }).toString()).toBe(least);
    expect([offsetsPk('g'), offsetsSk('id-1', 2)]).toEqual(['offsets/g', 'id-1/0002']);
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(block, (one) => {
        expect(decodeOffsetsBlock(encodeOffsetsBlock(one))).toEqual(one);
      }),
    );
  });

  it('takes less than one write unit for sixteen partitions without metadata', () => {
    const rows = Array.from({ length: 16 }, (_, p) => [
      p,
      { offset: 123_456_789_012, leaderEpoch: 12, metadata: '', at: 1_700_000_000_000 },
    ]) as [number, OffsetsBlock['committed'] extends ReadonlyMap<number, infer C> ? C : never][];
    const full = { ...EMPTY, stamp: 1000, committed: new Map(rows) };
    expect(encodeOffsetsBlock(full).length).toBeLessThan(900);
  });

  it.each([
    ['another format', Buffer.from([2, 0x7b, 0x7d])],
    ['no JSON', Buffer.from([1, 0x7b])],
    ['no topic', Buffer.concat([Buffer.of(1), Buffer.from('{"since":1,"offsets":[]}')])],
    [
      'a row that is none',
      Buffer.concat([Buffer.of(1), Buffer.from('{"topic":"t","since":1,"offsets":[["x",1,1,1]]}')]),
    ],
  ])('is refused where it has %s', (_, body) => {
    expect(() => decodeOffsetsBlock(body)).toThrow(MalformedBytesError);
  });
});

const EMPTY: OffsetsBlock = {
  topicName: 'orders',
  groupSince: 1_700_000_000_000,
  stamp: -1,
  stamps: new Map(),
  committed: new Map(),
  pending: [],
};

describe('the key of committed offsets', () => {
  it('tells topic and block', () => {
    expect(parseOffsetsSk(offsetsSk(TOPIC.id, 7))).toEqual({ topicId: TOPIC.id, block: 7 });
    expect(() => parseOffsetsSk('body/x')).toThrow(MalformedBytesError);
  });

  it('lies in the range of its topic, and no other topic does', () => {
    const { from, to } = offsetsSkRange(TOPIC.id);
    for (const block of [0, 9_999])
      expect(from <= offsetsSk(TOPIC.id, block) && offsetsSk(TOPIC.id, block) < to).toBe(true);
    for (const id of ['topicidtopicidtopicid1', 'topicidtopicidtopicidA', 'topicidtopicidtopici-0']) {
      expect(from <= offsetsSk(id, 0) && offsetsSk(id, 0) < to).toBe(false);
    }
  });

  it('is the same for sixteen partitions', () => {
    expect([0, 15, 16, 31, 32].map(offsetsBlockOf)).toEqual([0, 0, 1, 1, 2]);
  });
});
