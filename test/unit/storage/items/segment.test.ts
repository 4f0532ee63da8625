import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  decodeSegment,
  encodeSegment,
  type LiveSegment,
  type ReplacedSegment,
  type StoredSegment,
  segmentPk,
  segmentSk,
} from '../../../../lib/storage/items/segment.ts';

const live: LiveSegment = {
  state: 'live',
  partition: 1,
  baseOffset: 2,
  nextOffset: 300,
  maxTimestamp: 5,
  maxTimestampOffset: 4,
  log: { start: 6, length: 7 },
  index: { start: 13, length: 9 },
  offsetIndexBytes: 3,
  timeIndexBytes: 4,
  indexCrc: 2 ** 32 - 1,
  key: 'k',
  journal: 'j/0',
  seq: 77,
  namedAt: 20,
  maxTimestampSoFar: 21,
  epochs: [{ epoch: 1, startOffset: 0 }],
};
const replaced: ReplacedSegment = { ...live, state: 'replaced', replacedAt: 22, replacedBy: 1, cleanedAt: 23 };

const nat = fc.maxSafeNat();
const timestamp = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
const segment: fc.Arbitrary<StoredSegment> = fc
  .record({
    part: fc.record({
      partition: fc.nat(),
      maxTimestamp: timestamp,
      maxTimestampOffset: fc.integer({ min: -1, max: 2 ** 52 - 1 }),
      log: fc.record({ start: nat, length: nat }),
      indexCrc: fc.nat({ max: 2 ** 32 - 1 }),
      key: fc.string({ unit: 'binary' }),
      journal: fc.string(),
      seq: nat,
      namedAt: nat,
      maxTimestampSoFar: timestamp,
      epochs: fc.array(fc.record({ epoch: fc.nat(), startOffset: nat })),
    }),
    baseOffset: fc.nat(),
    count: fc.integer({ min: 1, max: 2 ** 40 }),
    indexStart: nat,
    indexes: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    cleaned: fc.record({ cleanedAt: nat, deleteHorizon: nat }, { requiredKeys: [] }),
    known: fc.option(fc.nat(), { nil: undefined }),
    replaced: fc.option(fc.record({ replacedAt: nat, replacedBy: nat }), { nil: undefined }),
  })
  .map(
    ({
      part,
      baseOffset,
      count,
      indexStart,
      indexes: [offsets, times, transactions],
      cleaned,
      replaced: by,
      known,
    }) => {
      const fields = {
        ...part,
        ...cleaned,
        baseOffset,
        nextOffset: baseOffset + count,
        index: { start: indexStart, length: offsets + times + transactions },
        offsetIndexBytes: offsets,
        timeIndexBytes: times,
        ...(known !== undefined && { abortsKnownTo: Math.min(known, baseOffset + count) }),
      };
      return by === undefined ? { state: 'live', ...fields } : { state: 'replaced', ...fields, ...by };
    },
  );

describe('the item of a segment', () => {
  it.each([
    ['live', live, '01000102aa020a08060 70d090304ffffffff0f016b036a2f30142a010100'],
    ['replaced', replaced, '01030102aa020a080607 0d090304ffffffff0f016b036a2f30142a010100160117'],
    [
      'with a horizon',
      { ...live, deleteHorizon: 24 },
      '01040102aa020a0806070d090304ffffffff0f016b036a2f30142a01010018',
    ],
    [
      'that knows its aborted transactions',
      { ...live, abortsKnownTo: live.nextOffset - 2 },
      '01080102aa020a0806070d090304ffffffff0f016b036a2f30142a01010002',
    ],
  ] as const)('has the bytes that it has always had: %s', (_, value, hex) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(encodeSegment(value).toString('hex')).toBe(bytes.toString('hex'));
    expect(decodeSegment(77, bytes)).toEqual(value);
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(segment, (value) => {
        expect(decodeSegment(value.seq, encodeSegment(value))).toEqual(value);
      }),
    );
  });

  it('cut off or with something behind it is malformed', () => {
    for (const value of [live, replaced]) {
      const body = encodeSegment(value);
      for (let length = 0; length < body.length; length++) {
        expect(() => decodeSegment(1, body.subarray(0, length))).toThrow(MalformedBytesError);
      }
      expect(() => decodeSegment(1, Buffer.concat([body, Buffer.of(0)]))).toThrow(MalformedBytesError);
    }
  });

  it.each([
    ['format', 0, 2],
    ['flag', 1, 8],
  ])('of another %s is malformed', (_, at, value) => {
    const body = encodeSegment(live);
    body[at] = value;
    expect(() => decodeSegment(1, body)).toThrow(MalformedBytesError);
  });

  it.each([
    { ...live, nextOffset: live.baseOffset },
    { ...live, offsetIndexBytes: live.index.length, timeIndexBytes: 1 },
  ])('that contradicts itself is malformed (%#)', (value) => {
    expect(() => decodeSegment(1, encodeSegment(value))).toThrow(MalformedBytesError);
  });

  it('takes less than half a write unit', () => {
    const key = `segment/RFgp4x1BT7yvH2hLkVZK8A/0/${'9'.repeat(16)}-AAECAwQFBgcICQoLDA0ODw`;
    const large = { ...live, key, journal: 'RFgp4x1BT7yvH2hLkVZK8A/0', baseOffset: 2 ** 50, nextOffset: 2 ** 51 };
    expect(encodeSegment(large).length).toBeLessThan(300);
  });
});

describe('the key of a segment', () => {
  it('is what it has always been', () => {
    expect([segmentPk('t', 12), segmentSk(345)]).toEqual(['segments/t/12', '0000000000000345']);
  });

  it('sorts as offsets do', () => {
    const keys = [0, 9, 10, 2 ** 32, 2 ** 53 - 1].map(segmentSk);
    expect([...keys].sort()).toEqual(keys);
    expect(() => segmentSk(-1)).toThrow();
  });
});
