import { describe, expect, it } from 'vitest';
import { computeCrc, readBatchHeader } from '../../../../lib/records/batch.ts';
import { encodeControlBatch, type MarkerType } from '../../../../lib/records/control.ts';
import { type BatchOptions, encodeBatch, type RecordInput } from '../../../../lib/records/encode.ts';
import { iterateRecords } from '../../../../lib/records/record.ts';
import { type CleaningPass, cleanBatch } from '../../../../lib/segments/clean/clean-batch.ts';
import { OffsetMap } from '../../../../lib/segments/clean/offset-map.ts';
import { type BeginsAt, PassedTransactions } from '../../../../lib/segments/clean/transactions.ts';

const NOW = 5_000_000;
const RETENTION_MS = 1_000;

/** A pass over offsets below 1,000 in whose map the keys have these offsets. */
function pass(newest: Readonly<Record<string, number>>, more: Partial<CleaningPass> = {}): CleaningPass {
  const map = new OffsetMap(10_000);
  for (const [key, offset] of Object.entries(newest)) map.put(Buffer.from(key), offset);
  map.latestOffset = 999;
  return {
    map,
    transactions: new PassedTransactions('start'),
    now: NOW,
    deleteRetentionMs: RETENTION_MS,
    producers: new Map(),
    uncleanableFrom: 1_000,
    ...more,
  };
}

function record(key: string | null, value: string | null, timestamp = 70): RecordInput {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp,
  };
}

const batch = (records: RecordInput[], options: BatchOptions = {}) =>
  encodeBatch(records, { baseOffset: 10, ...options });
const clean = (one: CleaningPass, bytes: Buffer) => cleanBatch(one, bytes, readBatchHeader(bytes));
const marker = (type: MarkerType, baseOffset: number, producerId = 4) =>
  encodeControlBatch({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 80, baseOffset });
const keysIn = (bytes: Buffer) => [...iterateRecords(bytes)].map(({ offset, key }) => `${offset} ${key}`);

describe('cleanBatch', () => {
  it('passes on a batch of which everything stays, byte for byte', () => {
    const bytes = batch([record('a', '1'), record('b', '2')]);
    expect(clean(pass({ a: 10 }), bytes).bytes).toBe(bytes);
  });

  it('drops what has a newer record, or no key, and keeps the rest as a batch with the same offsets', () => {
    const records = [
      record('a', '1', 70),
      record(null, '2', 99),
      record('b', '3', 72),
      record('c', '4', 71),
      record('a', '5'),
    ];
    const producer = { producerId: 8, producerEpoch: 2, baseSequence: 40, partitionLeaderEpoch: 6 };
    const bytes = batch(records, { ...producer, codec: 1 });
    const cleaned = clean(pass({ a: 14, b: 12, c: 500 }), bytes);
    expect(keysIn(cleaned.bytes!)).toEqual(['12 b', '14 a']);
    expect([cleaned.recordsRead, cleaned.recordsKept]).toEqual([5, 2]);
    const header = readBatchHeader(cleaned.bytes!);
    expect(header).toMatchObject({ ...producer, baseOffset: 10, lastOffsetDelta: 4, recordCount: 2, attributes: 1 });
    // The first record that is left has the base timestamp, as if the batch had been written so.
    expect(header).toMatchObject({ baseTimestamp: 72, maxTimestamp: 72, crc: computeCrc(cleaned.bytes!) });
    expect([...iterateRecords(cleaned.bytes!)].map(({ timestamp }) => timestamp)).toEqual([72, 70]);
  });

  it('keeps records behind what the map knows, also without a key', () => {
    const one = pass({ a: 500 });
    one.map.latestOffset = 10;
    expect(keysIn(clean(one, batch([record('a', '1'), record('a', '2'), record(null, '3')])).bytes!)).toEqual([
      '11 a',
      '12 null',
    ]);
  });

  it('drops a batch of which nothing stays', () => {
    expect(clean(pass({ a: 20 }), batch([record('a', '1')])).bytes).toBeUndefined();
  });

  it('leaves the batch empty that ends the range, or is the last of a producer', () => {
    const producer = { producerId: 8, producerEpoch: 2, baseSequence: 40 };
    const bytes = batch([record('a', '1', 70), record('a', '2', 75)], { ...producer, codec: 2 });
    const kept = [
      clean(pass({ a: 20 }, { uncleanableFrom: 12 }), bytes).bytes!,
      clean(pass({ a: 20 }, { producers: new Map([[8, { lastDataOffset: 11, epoch: 2 }]]) }), bytes).bytes!,
    ];
    for (const empty of kept) {
      expect(readBatchHeader(empty)).toMatchObject({
        ...producer,
        baseOffset: 10,
        lastOffsetDelta: 1,
        recordCount: 0,
        attributes: 0,
        baseTimestamp: -1,
        maxTimestamp: 75,
        crc: computeCrc(empty),
      });
    }
    const other = new Map([[8, { lastDataOffset: 30, epoch: 2 }]]);
    expect(clean(pass({ a: 20 }, { producers: other }), bytes).bytes).toBeUndefined();
  });

  it('gives a batch with a tombstone a delete horizon, once, and drops the tombstone behind it', () => {
    const records = [record('a', '1', 70), record('b', null, 71), record('c', '3', 73)];
    const noted = clean(pass({ a: 10, b: 11 }), batch(records)).bytes!;
    const horizon = NOW + RETENTION_MS;
    expect(readBatchHeader(noted)).toMatchObject({ attributes: 0x40, baseTimestamp: horizon, maxTimestamp: 73 });
    expect([...iterateRecords(noted)].map(({ timestamp }) => timestamp)).toEqual([70, 71, 73]);
    expect(clean(pass({}, { now: horizon - 1 }), noted).bytes).toBe(noted);
    const later = clean(pass({}, { now: horizon }), noted).bytes!;
    expect(keysIn(later)).toEqual(['10 a', '12 c']);
    expect(readBatchHeader(later)).toMatchObject({ attributes: 0x40, baseTimestamp: horizon });
  });

  it('keeps the append time of a batch of type LogAppendTime', () => {
    const bytes = batch([record('a', '1', 70), record('b', '2', 71)], { logAppendTime: 90 });
    const cleaned = clean(pass({ a: 20 }), bytes).bytes!;
    expect(readBatchHeader(cleaned)).toMatchObject({ attributes: 0x08, maxTimestamp: 90 });
    expect([...iterateRecords(cleaned)].map(({ timestamp }) => timestamp)).toEqual([90]);
  });

  it('throws for a batch that cannot be unpacked', () => {
    const bytes = batch([record('a', '1')], { codec: 1 });
    bytes.fill(7, 61);
    expect(() => clean(pass({ a: 20 }), bytes)).toThrow('gzip');
  });
});

describe('cleanBatch and transactions', () => {
  const aborted = { producerId: 4, firstOffset: 10, lastOffset: 11, lastStableOffset: 12 };
  const ofProducer = { producerId: 4, producerEpoch: 0, baseSequence: 0, isTransactional: true };

  function cleanAll(one: CleaningPass, batches: readonly Buffer[]): (Buffer | undefined)[] {
    return batches.map((bytes) => clean(one, bytes).bytes);
  }

  it('drops the records of an aborted transaction, then its marker behind the delete retention', () => {
    const log = [batch([record('a', '1')], ofProducer), marker('abort', 11)];
    const first = pass({});
    first.transactions.add([aborted]);
    expect(clean(first, log[0]!).bytes).toBeUndefined();
    const kept = clean(first, log[1]!);
    expect(kept).toMatchObject({ bytes: log[1], aborted });
    // The next pass meets no batch of the transaction. Readers of replaced segments still may.
    const second = pass({});
    second.transactions.add([aborted]);
    const noted = clean(second, log[1]!);
    expect(noted.aborted).toEqual(aborted);
    expect(readBatchHeader(noted.bytes!)).toMatchObject({ attributes: 0x70, baseTimestamp: NOW + RETENTION_MS });
    expect(clean(pass({}, { now: NOW + RETENTION_MS - 1 }), noted.bytes!).bytes).toBe(noted.bytes);
    expect(clean(pass({}, { now: NOW + RETENTION_MS }), noted.bytes!).bytes).toBeUndefined();
  });

  it('keeps the marker of a commit while a batch of the transaction is left', () => {
    const log = [batch([record('a', '1')], ofProducer), marker('commit', 11)];
    expect(cleanAll(pass({ a: 10 }), log)).toEqual(log);
    expect(readBatchHeader(clean(pass({ a: 10 }), log[1]!).bytes!).attributes).toBe(0x70);
  });

  it('ends one transaction of a producer where the next begins', () => {
    const log = [batch([record('a', '1')], ofProducer), marker('commit', 11), marker('commit', 12)];
    const cleaned = cleanAll(pass({ a: 10 }), log);
    expect(cleaned[1]).toBe(log[1]);
    expect(readBatchHeader(cleaned[2]!).attributes).toBe(0x70);
  });

  it.each(['commit', 'abort'] as const)(
    'keeps the first %s marker of each producer when it begins somewhere',
    (type) => {
      const begins = (beginsAt: BeginsAt) => pass({}, { transactions: new PassedTransactions(beginsAt) });
      const log = [marker(type, 11), marker(type, 12), marker(type, 13, 5)];
      const cleaned = cleanAll(begins('somewhere'), log).map((bytes) => readBatchHeader(bytes!).attributes);
      expect(cleaned).toEqual([0x30, 0x70, 0x30]);
      expect(cleanAll(begins('start'), log).map((bytes) => readBatchHeader(bytes!).attributes)).toEqual([
        0x70, 0x70, 0x70,
      ]);
    },
  );

  it('leaves the marker of a producer that has written nothing since, as an empty batch', () => {
    const noted = clean(pass({}), marker('abort', 11)).bytes!;
    const late = { now: NOW + RETENTION_MS };
    const epochOf = (epoch: number) => ({ producers: new Map([[4, { lastDataOffset: -1, epoch }]]) });
    const empty = clean(pass({}, { ...late, ...epochOf(0) }), noted).bytes!;
    expect(readBatchHeader(empty)).toMatchObject({ recordCount: 0, attributes: 0x30, producerEpoch: 0 });
    expect(clean(pass({}, { ...late, ...epochOf(1) }), noted).bytes).toBeUndefined();
  });
});
