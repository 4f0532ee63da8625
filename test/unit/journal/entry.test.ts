import { describe, expect, it } from 'vitest';
import { ByteWriter, MalformedBytesError } from '../../../lib/core/bytes.ts';
import { type BatchMeta, decodeEntry, type Entry, encodeEntry } from '../../../lib/journal/entry.ts';
import { entryPk, entrySk, journalId, slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { meta, part, recordsEntry } from './entries.ts';

const wal = (batches: BatchMeta[], length: number): Entry => ({
  kind: 'records',
  time: 1,
  batches,
  payload: { kind: 'wal', key: 'wal/1', start: 1_000, length },
});

describe('the bytes of an entry', () => {
  it('are what they have always been', () => {
    const batch = meta({ partition: 2, baseOffset: 300, lastOffsetDelta: 1, size: 3, maxTimestamp: 5 });
    const idempotent = { ...batch, producerId: 4, producerEpoch: 1, baseSequence: 6, transactional: true, position: 5 };
    const bytes = Buffer.from('abc..def');
    const entry: Entry = {
      kind: 'records',
      time: 1_000,
      batches: [batch, idempotent],
      payload: { kind: 'inline', bytes },
    };
    const hex = ['01', '0a', 'e807', '02', '0a00ac02010a06', '0a15ac020104020c020000', '00', '086162632e2e646566'];
    expect(encodeEntry(entry).toString('hex')).toBe(hex.join(''));
    expect(decodeEntry(Buffer.from(hex.join(''), 'hex'))).toEqual(entry);
  });

  it.each([
    ['inline', '0101e807020200ac02010a00030205ac02010a04020c020300086162632e2e646566', 'abc..def'],
    ['in an object', '010101010200ac02010a0003010577616c2f31e80703', undefined],
  ])('of earlier programs are read, %s', (_, hex, bytes) => {
    const entry = decodeEntry(Buffer.from(hex, 'hex'));
    const first = meta({ partition: 2, baseOffset: 300, lastOffsetDelta: 1, size: 3, maxTimestamp: 5 });
    expect(entry).toMatchObject({ kind: 'records', time: bytes === undefined ? 1 : 1_000 });
    expect(entry.kind === 'records' && entry.batches[0]).toEqual(first);
    if (bytes === undefined) expect(entry).toEqual(wal([first], 3));
    else expect(entry.kind === 'records' && entry.payload.kind === 'inline' && `${entry.payload.bytes}`).toBe(bytes);
  });

  const batch = meta({ partition: 2, baseOffset: 300, lastOffsetDelta: 1, size: 3, maxTimestamp: 5 });
  const marker = { ...batch, producerId: 4, producerEpoch: 1, baseSequence: -1, transactional: true, control: true };
  const markers = { kind: 'markers', time: 1_000, producerId: 4, producerEpoch: 1, commit: true } as const;
  const starts = [
    { partition: 0, offset: 300 },
    { partition: 2, offset: 1 },
  ];
  const kinds: readonly (readonly [entry: Entry, hex: string])[] = [
    [wal([batch], 3), '010a01010a00ac02010a06010577616c2f31e80703'],
    [
      { ...markers, batches: [marker], payload: { kind: 'inline', bytes: Buffer.from('abc') } },
      '0102e807040101010207ac02010a04020100030003616263',
    ],
    [{ kind: 'leaderChange', time: 1_000, leaderEpoch: 300, leader: 2 }, '0103e807ac0202'],
    [{ kind: 'logStart', time: 1_000, starts }, '0104e8070200ac020201'],
    [
      {
        kind: 'logStart',
        time: 1_000,
        starts: [starts[1]!, { partition: 0, offset: 300, segmentsFrom: 200, segments: 2, bytes: 129 }],
      },
      '0108e8070202010000ac0201c801028101',
    ],
    [
      {
        kind: 'seal',
        time: 1_000,
        fromSeq: 1,
        toSeq: 300,
        toTime: 999,
        key: 'k',
        parts: [part({ partition: 2, baseOffset: 300, nextOffset: 310 })],
      },
      '0105e80701ac02e707016b0102ac020a0cd80402800482040c080497aee7de0e00',
    ],
    [
      {
        kind: 'seal',
        time: 1_000,
        fromSeq: 1,
        toSeq: 2,
        toTime: 999,
        key: 'k',
        parts: [],
        leftOut: [{ partition: 2, bytes: 300 }],
      },
      '0105e8070102e707016b000102ac02',
    ],
    [
      {
        kind: 'replace',
        time: 1_000,
        partition: 2,
        baseOffset: 300,
        nextOffset: 310,
        key: 'k',
        parts: [part({ partition: 2, baseOffset: 300, nextOffset: 310, maxTimestamp: -1, maxTimestampOffset: -1 })],
        removedSegments: 3,
        removedBytes: 128,
      },
      '0107e80702ac02b602016b0380010102ac020a010102800482040c080497aee7de0e',
    ],
    [
      {
        kind: 'replace',
        time: 1_000,
        partition: 2,
        baseOffset: 300,
        nextOffset: 310,
        key: 'k',
        parts: [],
        removedSegments: 3,
        removedBytes: 128,
        cleaned: { cleanedAt: 999, cleanTo: 305, deleteHorizon: 2_000 },
      },
      '0109e80702ac02b602016b03800100e707b10201d00f',
    ],
    [
      {
        kind: 'import',
        time: 1_000,
        fromSeq: 1,
        toSeq: 2,
        toTime: 999,
        key: 'k',
        parts: [part({ partition: 2, baseOffset: 300, nextOffset: 310 })],
        partitions: [
          {
            partition: 2,
            start: { baseOffset: 300, logStartOffset: 302 },
            epochs: [{ epoch: 3, startOffset: 300 }],
            openTransactions: [[7, 305]],
            producers: [
              [
                7,
                {
                  epoch: 1,
                  lastTime: 900,
                  transactionStart: 305,
                  batches: [{ baseSequence: 0, lastSequence: 4, baseOffset: 305, timestamp: 900 }],
                },
              ],
            ],
          },
          { partition: 3, epochs: [], openTransactions: [], producers: [] },
        ],
      },
      '010be8070102e707016b0102ac020a0cd80402800482040c080497aee7de0e020201ac02020103ac020107b1020107028407e204010008b102880e0300000000',
    ],
    [{ kind: 'close', time: 1_000 }, '0106e807'],
  ];

  it.each(kinds)('are what they have always been of every kind: $kind', (entry, hex) => {
    expect(encodeEntry(entry).toString('hex')).toBe(hex);
    expect(decodeEntry(Buffer.from(hex, 'hex'))).toEqual(entry);
  });

  it('are few for an entry that names an object', () => {
    const batch = meta({
      baseOffset: 2 ** 30,
      producerId: 2 ** 30,
      producerEpoch: 3,
      baseSequence: 2 ** 30,
      size: 60_000,
    });
    expect(encodeEntry(wal([{ ...batch, maxTimestamp: Date.UTC(2026, 0) }], 60_000)).length).toBeLessThan(60);
  });

  // 250 ms of 10 MB/s: batch.size 16 KiB, compressed, from one producer to 12 partitions.
  it('are few for each of many batches: one write unit for 160 of them', () => {
    const batches: BatchMeta[] = [];
    const ends = new Map<number, number>();
    let position = 0;
    for (let index = 0; index < 160; index++) {
      const partition = index % 12;
      const baseOffset = ends.get(partition) ?? 2 ** 30 + partition;
      const size = 16_000 + ((index * 7_919) % 1_000);
      const maxTimestamp = Date.UTC(2026, 0) + Math.floor(index / 2);
      const producer = { producerId: 2 ** 20, producerEpoch: 1, baseSequence: baseOffset };
      batches.push({
        ...meta({ partition, baseOffset, lastOffsetDelta: 15 }),
        ...producer,
        position,
        size,
        maxTimestamp,
      });
      ends.set(partition, baseOffset + 16);
      position += size;
    }
    const entry = wal(batches, position);
    const bytes = encodeEntry(entry);
    expect(decodeEntry(bytes)).toEqual(entry);
    expect(bytes.length).toBeLessThan(900);
  });

  it.each([
    ['another format', '0201e80700', 'format 2 is newer'],
    ['an unknown kind', '010ce807', 'kind 12 is unknown'],
    ['an unknown place for the payload', '0101e8070002', 'payload kind 2 is unknown'],
    ['a batch that follows none', '010ae807010800000000', 'none of its partition is before it'],
    ['a batch of an unknown form', '010ae80702020000000000030000', 'a batch has form 3'],
    ['a batch of negative size', '010ae80701020000000001', 'has -1 bytes'],
    ['a packed list that nothing follows', '010ae807ffffffffffffff0f', 'truncated'],
    ['nothing', '', 'truncated'],
    ['a count that nothing follows', '0101e807ffffffffffffff0f', 'truncated'],
    ['a list of starts that nothing follows', '0104e807ffffffffffffff0f', 'truncated'],
    ['a list of parts that nothing follows', '0105e80701020300ffffffffffffff0f', 'truncated'],
    [
      'indexes longer than their block',
      '0105e8070102030001000001000000000001010100',
      'indexes of partition 0 are longer',
    ],
    ['a payload longer than the rest', '0101e8070000ffffff7f', 'truncated'],
    ['a number beyond 2^53 - 1', '0106ffffffffffffff7f', 'too long'],
    ['a number without end', '0106ffffffffffffffffff', 'too long'],
  ])('with %s are refused', (_, hex, message) => {
    expect(() => decodeEntry(Buffer.from(hex, 'hex'))).toThrow(message);
    expect(() => decodeEntry(Buffer.from(hex, 'hex'))).toThrow(MalformedBytesError);
  });

  it.each([
    ['inline', recordsEntry(1, [meta({ size: 1 })])],
    ['in an object', wal([meta({ position: 4, size: 7 })], 10)],
  ])('whose batches go beyond their payload, %s, are refused', (_, entry) => {
    expect(() => decodeEntry(encodeEntry(entry))).toThrow('their payload at');
  });

  it('share memory with an inline payload', () => {
    const writer = new ByteWriter();
    writer.raw(encodeEntry({ ...recordsEntry(1, []), payload: { kind: 'inline', bytes: Buffer.from('abc') } }));
    const body = writer.finish();
    const entry = decodeEntry(body);
    body.write('X', body.length - 1);
    expect(entry.kind === 'records' && entry.payload.kind === 'inline' && entry.payload.bytes.toString()).toBe('abX');
  });
});

describe('the key of an entry', () => {
  it('sorts as its slot does', () => {
    const slots = [0, 9, 10, 99, 100, 2 ** 31, 2 ** 53 - 1];
    const keys = slots.map(entrySk);
    expect([...keys].sort()).toEqual(keys);
    expect(keys.map(slotOf)).toEqual(slots);
  });

  it('belongs to one journal of one topic', () => {
    expect(entryPk(journalId('abc', 3))).toBe('journal/abc/3');
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('is not there for slot %d', (slot) => {
    expect(() => entrySk(slot)).toThrow('not a slot');
  });
});
