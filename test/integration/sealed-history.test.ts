import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { entriesFrom } from '../../lib/journal/view.ts';
import { type BatchHeader, readBatchHeader } from '../../lib/records/batch.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { encodeControlBatch } from '../../lib/records/control.ts';
import { SegmentIndex } from '../../lib/segments/segment-index.ts';
import { entryPk, entrySk, topicIdOf } from '../../lib/storage/items/journal-entry.ts';
import type { LiveSegment } from '../../lib/storage/items/segment.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  listOffset,
  produce,
  recordsIn,
  type TopicName,
} from '../support/requests.ts';
import { mergeNow, sealNow } from '../support/sealing.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const T0 = 1_000_000;

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
});

/** A log of two partitions in one journal, and what it is expected to hold. */
interface TestLog {
  readonly topic: TopicName;
  readonly open: OpenJournal;
  /** By partition. */
  readonly batches: { readonly header: BatchHeader; readonly bytes: Buffer }[][];
}

const producers = new Map<number, number>();

async function write(log: TestLog, partition: number, values: string[], at: number, producer?: number): Promise<void> {
  const baseSequence = producers.get(producer ?? -1) ?? 0;
  const identity = { producerId: producer, producerEpoch: 0, baseSequence, isTransactional: true } as const;
  const bytes = batchOf(values, {
    timestamp: at,
    codec: at % 3 === 0 ? Codec.gzip : Codec.none,
    ...(producer !== undefined && { ...identity, producerId: producer }),
  });
  if (producer === undefined) {
    expect((await produce(engine.client, log.topic, bytes, { partition })).errorCode).toBe(0);
    return;
  }
  producers.set(producer, baseSequence + values.length);
  const { lastOffsetDelta, maxTimestamp, producerId, producerEpoch } = readBatchHeader(bytes);
  const batch = { partition, lastOffsetDelta, maxTimestamp, producerId, producerEpoch, baseSequence, bytes };
  const result = await log.open.writer.append({ ...batch, transactional: true, transactionVerified: true }, FOREVER);
  expect(result.kind).toBe('appended');
}

async function end({ open }: TestLog, partition: number, producer: number, type: 'commit' | 'abort'): Promise<void> {
  const identity = { producerId: producer, producerEpoch: 0 };
  const written = await open.writer.appendEntry((view, time) => {
    const baseOffset = view.partitions.get(partition)?.nextOffset ?? 0;
    const marker = encodeControlBatch({ ...identity, type, coordinatorEpoch: 0, timestamp: T0, baseOffset });
    const place = { partition, baseOffset, lastOffsetDelta: 0, maxTimestamp: T0, baseSequence: -1 };
    const batches = [{ ...identity, ...place, transactional: true, control: true, position: 0, size: marker.length }];
    const payload = { kind: 'inline', bytes: marker } as const;
    return { kind: 'markers', time, ...identity, commit: type === 'commit', batches, payload };
  }, FOREVER);
  expect(written).toBe('written');
}

/**
 * Writes a log with transactions that span segments, timestamps out of order, small and large
 * batches; `seal` is called now and then.
 */
async function writeLog(name: string, seal: (open: OpenJournal) => Promise<void>): Promise<TestLog> {
  producers.clear();
  const topic = await createTopic(engine.client, name, { partitions: 2 });
  const open = await engine.journalOf(name);
  const log: TestLog = { topic, open, batches: [[], []] };
  for (let round = 0; round < 5; round++) {
    const time = T0 + round * 1_000;
    await write(log, 0, ['a', 'b', 'c'], time + 5);
    await write(log, 1, ['big '.repeat(2_000)], time + 1);
    await write(log, 0, [`open ${round}`], time + 90, 10 + round);
    if (round > 0) await end(log, 0, 9 + round, round % 2 === 0 ? 'commit' : 'abort');
    await write(log, 0, ['d'.repeat(300), 'e'], time - 400);
    await write(log, 1, ['in a short one'], time + 3, 7);
    await end(log, 1, 7, 'abort');
    await write(log, 0, ['f'], time + 9);
    if (round < 4) await seal(open);
  }
  for (const partition of [0, 1]) {
    const { records } = await fetch(engine.client, topic, { partition, partitionMaxBytes: 1e9 });
    log.batches[partition]!.push(...batchesIn(records));
  }
  return log;
}

/** The offsets from which partitions are read from entries. */
function boundaries({ open: { journal } }: TestLog): number[] {
  return [0, 1].map((partition) => entriesFrom(journal.view.partitions.get(partition)!));
}

/**
 * What a fetch has to return: whole batches of the partitions in order, the first in any case. One
 * that begins in segments ends with them.
 */
function expected(
  log: TestLog,
  all: TestLog,
  froms: readonly number[],
  ends: readonly number[],
  limits: number[],
): Buffer[] {
  const [partitionMax, max] = limits;
  let left = max!;
  let isFirst = true;
  return froms.map((from, partition) => {
    const boundary = boundaries(log)[partition]!;
    const to = Math.min(ends[partition]!, from < boundary ? boundary : Number.POSITIVE_INFINITY);
    const found: Buffer[] = [];
    let size = 0;
    for (const { header, bytes } of all.batches[partition]!) {
      if (header.baseOffset + header.lastOffsetDelta < from) continue;
      if (header.baseOffset >= to || (!isFirst && size + bytes.length > Math.min(left, partitionMax!))) break;
      found.push(bytes);
      size += bytes.length;
      isFirst = false;
    }
    left = Math.max(0, left - size);
    return Buffer.concat(found);
  });
}

async function fetchBoth(by: Engine, log: TestLog, froms: readonly number[], committed: boolean, limits: number[]) {
  const [partitionMaxBytes, maxBytes] = limits;
  const request = fetchRequest(
    log.topic,
    { committed, partitionMaxBytes: partitionMaxBytes!, maxBytes: maxBytes! },
    froms,
  );
  const { responses } = await by.client.ask(ApiKey.Fetch, 12, request);
  return responses[0]!.partitions;
}

/** What a consumer shows of an answer (Kafka: CompletedFetch). */
function visible({ records, abortedTransactions }: Awaited<ReturnType<typeof fetch>>): number[] {
  const waiting = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborted = new Set<number>();
  const offsets: number[] = [];
  for (const { header, bytes } of batchesIn(records)) {
    const last = header.baseOffset + header.lastOffsetDelta;
    while (waiting.length > 0 && waiting[0]!.firstOffset <= last) aborted.add(waiting.shift()!.producerId);
    if (header.attributes & 0x20) aborted.delete(header.producerId);
    else if (!(header.attributes & 0x10) || !aborted.has(header.producerId)) {
      offsets.push(...recordsIn(bytes).map(({ offset }) => offset));
    }
  }
  return offsets;
}

const nothing = () => Promise.resolve();

/** Deletes the entries that may be deleted after the grace period. */
async function deleteEntries({ open: { journal } }: TestLog): Promise<void> {
  const { journal: table } = stores.client();
  for (let seq = 0; seq <= journal.view.trimmableSeq; seq++) {
    await table.delete(entryPk(journal.id), entrySk(seq), seq);
  }
  expect((await table.query({ pk: entryPk(journal.id), limit: 1, consistent: true })).items[0]!.sk).toBe(
    entrySk(journal.view.trimmableSeq + 1),
  );
}

async function segmentAt({ open: { journal } }: TestLog, offset: number): Promise<LiveSegment> {
  const { state } = stores.client();
  const index = new SegmentIndex({ state, clock: systemClock, random: systemRandom });
  return (await index.find(topicIdOf(journal.id), 0, offset))!;
}

describe('a fetch of a log that is sealed in part', () => {
  it('returns what the same log returns that is not sealed, from every offset, for all limits', async () => {
    const sealed = await writeLog('sealed', sealNow);
    const plain = await writeLog('plain', nothing);
    expect(boundaries(sealed)[0]).toBeGreaterThan(20);
    expect(boundaries(plain)).toEqual([0, 0]);
    const ends = [0, 1].map((partition) => plain.open.journal.view.partitions.get(partition)!.nextOffset);
    const cold = await startEngine({ stores });
    const stable: number[] = [];
    for (const partition of [0, 1])
      stable.push((await fetch(cold.client, sealed.topic, { partition })).lastStableOffset);
    expect(stable[0]).toBeLessThan(ends[0]!);
    for (const by of [engine, cold]) {
      for (const limits of [
        [1, 1],
        [500, 700],
        [9_000, 12_000],
        [1e6, 1e6],
      ]) {
        for (let at = 0; at <= ends[0]!; at++) {
          const froms = [at, at % (ends[1]! + 1)];
          for (const committed of [false, true]) {
            const read = await fetchBoth(by, sealed, froms, committed, limits);
            const what = `${froms}, ${limits}, ${committed}`;
            expect(
              read.map(({ errorCode }) => errorCode),
              what,
            ).toEqual([0, 0]);
            const wanted = expected(sealed, plain, froms, committed ? stable : ends, limits);
            expect(
              read.map(({ records }) => batchesIn(records).length),
              what,
            ).toEqual(wanted.map((one) => batchesIn(one).length));
            expect(
              read.map(({ records }, partition) => records!.equals(wanted[partition]!)),
              what,
            ).toEqual([true, true]);
            if (!committed) continue;
            const like = await fetchBoth(by, plain, froms, true, [1e6, 1e6]);
            for (const [partition, one] of read.entries()) {
              const last = batchesIn(one.records).at(-1)?.header;
              const until = last === undefined ? froms[partition]! : last.baseOffset + last.lastOffsetDelta + 1;
              expect(visible(one), what).toEqual(visible(like[partition]!).filter((offset) => offset < until));
            }
          }
        }
      }
    }
  });

  it('asks the store for one item and two ranges in the middle of the history', async () => {
    const sealed = await writeLog('sealed', sealNow);
    const cold = await startEngine({ stores });
    await listOffset(cold.client, sealed.topic, -1);
    cold.meter.reset();
    const { records } = await fetch(cold.client, sealed.topic, { offset: 12, partitionMaxBytes: 1 });
    expect(batchesIn(records).length).toBe(1);
    expect(cold.meter.counts()).toEqual({ 'state.query': 1, 'blobs.getRange': 2 });
  });

  it('reads no more than the answer can hold, of however many partitions', async () => {
    const topic = await createTopic(engine.client, 'wide', { partitions: 12 });
    const large = batchOf(['x'.repeat(150_000)]);
    for (let partition = 0; partition < 12; partition++) {
      for (let count = 0; count < 6; count++) await produce(engine.client, topic, large, { partition });
    }
    const open = await engine.journalOf('wide');
    await sealNow(open);
    for (let partition = 0; partition < 12; partition++) await produce(engine.client, topic, large, { partition });
    await sealNow(open);
    const cold = await startEngine({ stores });
    await listOffset(cold.client, topic, -1);
    cold.meter.reset();
    const request = fetchRequest(
      topic,
      { maxBytes: 3 * large.length + 20 },
      Array.from({ length: 12 }, () => 0),
    );
    const { responses } = await cold.client.ask(ApiKey.Fetch, 12, request);
    const counts = responses[0]!.partitions.map(({ records }) => batchesIn(records).length);
    expect(counts).toEqual([3, ...Array.from({ length: 11 }, () => 0)]);
    expect(cold.meter.totals('blobs.getRange').bytesOut).toBeLessThan(4.5 * large.length);
  });

  it('reads segments if its process has not seen that the entries were sealed and deleted', async () => {
    const log = await writeLog('sealed', nothing);
    const stale = await startEngine({ stores });
    const { logStartOffset, records } = await fetch(stale.client, log.topic);
    expect(logStartOffset).toBe(0);
    // The cache must not have the entries.
    (await stale.journalOf('sealed')).journal.env.cache.forget(log.open.journal.id);
    await sealNow(log.open);
    await write(log, 0, ['after the first seal'], T0 + 9_000);
    await sealNow(log.open);
    await deleteEntries(log);
    const read = await fetch(stale.client, log.topic);
    expect(read.errorCode).toBe(0);
    expect(read.records!.equals(records!)).toBe(true);
  });

  it('goes on in the middle of segments that were merged, and whose objects were deleted', async () => {
    const topic = await createTopic(engine.client, 'merged');
    const open = await engine.journalOf('merged');
    for (let seal = 0; seal < 14; seal++) {
      for (const text of ['a', 'b', 'c']) await produce(engine.client, topic, batchOf([`${text}${seal}`]));
      await sealNow(open);
    }
    const { state, blobs } = stores.client();
    const index = new SegmentIndex({ state, clock: systemClock, random: systemRandom });
    const keys = async () => {
      const { segments } = await index.list(topicIdOf(open.journal.id), 0, { from: 0, consistent: true });
      return segments.map(({ key }) => key);
    };
    const reader = await startEngine({ stores });
    const values: string[] = [];
    for (let offset = 0; offset < 3 * 14; offset++) {
      if (offset === 10) {
        const before = await keys();
        await mergeNow(open, 0);
        const after = await keys();
        const gone = before.filter((key) => !after.includes(key));
        expect(gone.length).toBeGreaterThanOrEqual(8);
        for (const key of gone) await blobs.delete(key);
      }
      const { errorCode, records } = await fetch(reader.client, topic, { offset, partitionMaxBytes: 1 });
      expect(errorCode).toBe(0);
      values.push(...recordsIn(records).map(({ value }) => String(value)));
    }
    expect(values).toEqual(Array.from({ length: 14 }, (_, seal) => [`a${seal}`, `b${seal}`, `c${seal}`]).flat());
  });

  it('is an error of the partition whose object is lost, and the others are read', async () => {
    const log = await writeLog('sealed', sealNow);
    const first = await segmentAt(log, 0);
    await stores.client().blobs.delete(first.key);
    const cold = await startEngine({ stores });
    const [lost, other] = await fetchBoth(cold, log, [0, boundaries(log)[1]!], false, [1e6, 1e6]);
    expect([lost!.errorCode, other!.errorCode]).toEqual([56, 0]);
    expect(other!.records!.length).toBeGreaterThan(0);
    expect(cold.lines.map((line) => JSON.stringify(line)).join()).toContain(`object ${first.key} is missing`);
    const later = await fetch(cold.client, log.topic, { offset: first.nextOffset });
    expect(batchesIn(later.records)[0]!.header.baseOffset).toBe(first.nextOffset);
  });

  it('is out of range if the object went because the log start has risen', async () => {
    const log = await writeLog('sealed', sealNow);
    const cold = await startEngine({ stores });
    await listOffset(cold.client, log.topic, -1);
    const first = await segmentAt(log, 0);
    const starts = [{ partition: 0, offset: first.nextOffset }];
    await log.open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), FOREVER);
    await stores.client().blobs.delete(first.key);
    expect((await fetch(cold.client, log.topic, { offset: 3 })).errorCode).toBe(1);
    expect((await fetch(cold.client, log.topic, { offset: first.nextOffset })).errorCode).toBe(0);
  });

  it('is an error of the partition whose segment is damaged', async () => {
    const log = await writeLog('sealed', sealNow);
    const first = await segmentAt(log, 0);
    const { blobs } = stores.client();
    const found = await blobs.get(first.key);
    if (found.kind !== 'found') throw new Error('the object is not there');
    const damaged = Buffer.from(found.bytes);
    damaged.writeUInt8(damaged[first.index.start]! ^ 1, first.index.start);
    await blobs.put(first.key, [damaged]);
    const cold = await startEngine({ stores });
    const read = await fetch(cold.client, log.topic, { offset: 4 });
    expect(read.errorCode).toBe(56);
    expect(cold.lines.map((line) => JSON.stringify(line)).join()).toContain(
      `object ${first.key}, byte ${first.index.start}`,
    );
    expect((await fetch(cold.client, log.topic, { offset: first.nextOffset })).errorCode).toBe(0);
  });
});

describe('ListOffsets of a log that is sealed in part', () => {
  const answer = async (topic: TopicName, timestamp: number, committed = false, version = 8) => {
    const {
      errorCode,
      offset,
      timestamp: time,
      leaderEpoch,
    } = await listOffset(engine.client, topic, timestamp, {
      committed,
      version,
    });
    return { errorCode, offset, time, leaderEpoch };
  };

  it('finds the same records by time, and the same largest timestamp, as in a log that is not sealed', async () => {
    const sealed = await writeLog('sealed', sealNow);
    const plain = await writeLog('plain', nothing);
    for (let timestamp = T0 - 500; timestamp < T0 + 4_200; timestamp += 7) {
      for (const committed of [false, true]) {
        const wanted = await answer(plain.topic, timestamp, committed);
        expect(await answer(sealed.topic, timestamp, committed), `${timestamp}`).toEqual(wanted);
      }
    }
    for (const committed of [false, true]) {
      for (const position of [-1, -2, -3]) {
        const wanted = await answer(plain.topic, position, committed);
        expect(await answer(sealed.topic, position, committed), `${position}`).toEqual(wanted);
      }
    }
  });

  it('finds the same when the log begins in the middle of a segment', async () => {
    const sealed = await writeLog('sealed', sealNow);
    const plain = await writeLog('plain', nothing);
    const starts = [{ partition: 0, offset: 9 }];
    for (const { open } of [sealed, plain]) {
      await open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), FOREVER);
    }
    for (const timestamp of [-3, ...Array.from({ length: 60 }, (_, at) => T0 - 500 + at * 80)]) {
      expect(await answer(sealed.topic, timestamp), `${timestamp}`).toEqual(await answer(plain.topic, timestamp));
    }
  });

  it('finds the largest timestamp in the segment that has it', async () => {
    const log = await writeLog('sealed', nothing);
    await write(log, 0, ['from the future'], T0 + 50_000);
    const { offset } = await answer(log.topic, -3);
    for (let seal = 0; seal < 3; seal++) {
      await sealNow(log.open);
      await write(log, 0, ['x'], T0 + seal);
      expect(await answer(log.topic, -3)).toMatchObject({ offset, time: T0 + 50_000 });
    }
    expect(boundaries(log)[0]).toBeGreaterThan(offset);
  });

  it('says where the entries begin (-4), where the segments end (-5), and what is not sealed (-6)', async () => {
    const { topic, open } = await writeLog('sealed', nothing);
    const local = async () => {
      const all = [];
      for (const [timestamp, version] of [
        [-4, 8],
        [-5, 9],
        [-6, 11],
      ] as const) {
        all.push((await answer(topic, timestamp, false, version)).offset);
      }
      return all;
    };
    const view = () => open.journal.view.partitions.get(0)!;
    expect(await local()).toEqual([0, -1, -1]);
    await sealNow(open);
    const first = view().nextOffset;
    expect(await local()).toEqual([0, first - 1, first]);
    await produce(engine.client, topic, batchOf(['more']));
    await sealNow(open);
    expect(await local()).toEqual([first, first, first + 1]);
    await produce(engine.client, topic, batchOf(['and more']));
    const starts = [{ partition: 0, offset: first + 2 }];
    await open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), FOREVER);
    expect(await local()).toEqual([first + 2, first, first + 2]);
  });
});
