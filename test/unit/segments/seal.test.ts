import { beforeEach, describe, expect, it } from 'vitest';
import type { SealEntry } from '../../../lib/journal/entry.ts';
import { readBatchHeader } from '../../../lib/records/batch.ts';
import { encodeControlBatch } from '../../../lib/records/control.ts';
import { decodeTransactionIndex } from '../../../lib/segments/format/transaction-index.ts';
import { type SealOutcome, sealJournal } from '../../../lib/segments/seal.ts';
import type { SealLimits } from '../../../lib/segments/seal-span.ts';
import { slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { createWorld, FOREVER, HOUR, MINUTE, type World } from '../journal/world.ts';
import {
  append,
  dueList,
  entryContent,
  realBatch,
  type Sealer,
  sealedContent,
  segmentObjects,
  startSealer,
} from './seal-world.ts';

const LIMITS: SealLimits = { sealBytes: 1_000_000, sealMs: HOUR };
const WAL = { tier: { inlineMaxBytes: 0 } };

let world: World;
let sealer: Sealer;

beforeEach(async () => {
  world = await createWorld();
  sealer = await startSealer(world);
});

function seal({ env, open }: Sealer, limits = LIMITS, isForced = true): Promise<SealOutcome> {
  return world.run(sealJournal(env, open, limits, FOREVER, isForced));
}

function seals(): SealEntry[] {
  return world.entries().filter((entry) => entry.kind === 'seal');
}

function ranges({ parts }: SealEntry) {
  return parts.map(({ partition, baseOffset, nextOffset }) => [partition, baseOffset, nextOffset]);
}

const sum = ({ parts }: SealEntry) => parts.reduce((bytes, { log }) => bytes + log.length, 0);

describe('a seal', () => {
  it.each([
    ['in entries', {}],
    ['in WAL objects', WAL],
  ])('writes what was appended %s as one object, and the items that find it', async (_, options) => {
    const writer = await startSealer(world, options);
    await append(world, writer, realBatch(['a', 'b']), realBatch(['x'], { partition: 2 }));
    await append(world, writer, realBatch(['c']), realBatch(['y', 'z'], { partition: 2 }));
    const before = [await entryContent(world, writer, 0), await entryContent(world, writer, 2)];
    expect(before.map(({ size }) => size)).toEqual([2, 2]);
    // A process that has cached nothing, and the one that has cached everything.
    for (const other of [await startSealer(world, options), writer]) {
      const outcome = await seal(other);
      const entry = seals().at(-1)!;
      expect(outcome).toEqual({ kind: 'sealed', parts: 2, bytes: sum(entry), toSeq: entry.toSeq });
      expect(ranges(entry).map(([partition]) => partition)).toEqual([0, 2]);
      expect(entry.key).toBe(segmentObjects(world).at(-1));
      expect(other.open.journal.view).toMatchObject({ sealedSeq: entry.toSeq, hotBytes: 0, hotSince: -1 });
      await append(world, writer, realBatch(['d']), realBatch(['e'], { partition: 2 }));
    }
    expect(seals()).toHaveLength(2);
    expect(segmentObjects(world)).toHaveLength(2);
    for (const [index, partition] of [0, 2].entries()) {
      const content = await sealedContent(world, writer, partition);
      expect(content.size).toBe(3);
      expect(Object.fromEntries(content)).toMatchObject(Object.fromEntries(before[index]!));
    }
    expect(dueList(world)).toEqual([]);
  });

  it('reads only the objects of entries that are not in memory', async () => {
    // Room for six entries of some 700 bytes: the first of ten are not in memory any more.
    const writer = await startSealer(world, { ...WAL, cacheBytes: 6 * 750 });
    for (let count = 0; count < 10; count++) await append(world, writer, realBatch([`${count}`]));
    const { process, open } = writer;
    const inMemory = (seq: number) => process.env.cache.peek(open.journal.id, seq) !== undefined;
    expect([1, 4, 5, 10].map(inMemory)).toEqual([false, false, true, true]);
    process.calls.length = 0;
    await seal(writer);
    expect(process.count('blobs.getRange')).toBe(4);
    const queries = process.calls.filter(({ store, operation }) => store === 'journal' && operation === 'query');
    expect(queries.map(({ sortKey }) => slotOf(sortKey)).filter((seq) => seq <= 10)).toEqual([0]);
    expect((await sealedContent(world, writer, 0)).size).toBe(10);
  });

  it('has the leader epoch of each batch, in WAL objects too', async () => {
    const writer = await startSealer(world, WAL);
    for (const leaderEpoch of [1, 2]) {
      await append(world, writer, realBatch([`at ${leaderEpoch}`]));
      const change = { kind: 'leaderChange', leaderEpoch, leader: 1 } as const;
      await world.run(writer.open.writer.appendEntry((_, time) => ({ ...change, time }), FOREVER));
    }
    await append(world, writer, realBatch(['at 3']));
    await seal(sealer);
    const content = await sealedContent(world, sealer, 0);
    const epochs = [...content.values()].map((hex) => readBatchHeader(Buffer.from(hex, 'hex')).partitionLeaderEpoch);
    expect(epochs).toEqual([0, 1, 2]);
    const { segments } = await world.run(sealer.env.index.list('topic', 0, { from: 0 }));
    expect(segments[0]!.epochs).toEqual([0, 1, 2].map((epoch) => ({ epoch, startOffset: epoch })));
  });

  it('leaves out what lies wholly below the log start, and still covers its offsets', async () => {
    await append(world, sealer, realBatch(['a', 'b']), realBatch(['gone'], { partition: 1 }));
    await append(world, sealer, realBatch(['c', 'd']));
    const starts = [
      { partition: 0, offset: 3 },
      { partition: 1, offset: 1 },
    ];
    await world.run(sealer.open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), FOREVER));
    await seal(sealer);
    const [entry] = seals();
    expect(ranges(entry!)).toEqual([
      [0, 0, 4],
      [1, 0, 1],
    ]);
    expect([...(await sealedContent(world, sealer, 0)).keys()]).toEqual([2]);
    expect((await sealedContent(world, sealer, 1)).size).toBe(0);
    const size = (values: string[]) => realBatch(values).bytes.length;
    expect(entry!.leftOut).toEqual([
      { partition: 0, bytes: size(['a', 'b']) },
      { partition: 1, bytes: size(['gone']) },
    ]);
  });

  it('needs no payload that lies wholly below the log start', async () => {
    const writer = await startSealer(world, WAL);
    await append(world, writer, realBatch(['gone']));
    const starts = [{ partition: 0, offset: 1 }];
    await world.run(writer.open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), FOREVER));
    for (const key of world.stores.contents().blobs.keys()) await world.run(world.stores.blobs.delete(key));
    expect(await seal(sealer)).toMatchObject({ kind: 'sealed', parts: 1 });
  });

  it('lists aborted transactions with their last stable offsets', async () => {
    const producer = (producerId: number, baseSequence: number) =>
      realBatch([`${producerId}/${baseSequence}`], {
        producerId,
        producerEpoch: 0,
        baseSequence,
        transactional: true,
        transactionVerified: true,
      });
    const end = async (producerId: number, commit: boolean) => {
      const type = commit ? 'commit' : 'abort';
      const baseOffset = sealer.open.journal.view.partitions.get(0)!.nextOffset;
      const bytes = encodeControlBatch({
        type,
        producerId,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        timestamp: 1,
        baseOffset,
      });
      const { bytes: _, transactionVerified, ...head } = producer(producerId, -1);
      const batches = [{ ...head, control: true, baseOffset, maxTimestamp: 1, position: 0, size: bytes.length }];
      const entry = { kind: 'markers', producerId, producerEpoch: 0, commit, batches } as const;
      const make = (_view: unknown, time: number) => ({ ...entry, time, payload: { kind: 'inline', bytes } as const });
      await world.run(sealer.open.writer.appendEntry(make, FOREVER));
    };
    await append(world, sealer, producer(1, 0), producer(2, 0)); // 0, 1
    await end(2, false); // 2: transaction 1 is still open
    await seal(sealer);
    await end(1, false); // 3
    await append(world, sealer, producer(2, 1)); // 4
    await end(2, true); // 5
    await append(world, sealer, producer(1, 1)); // 6
    await end(1, false); // 7
    await seal(sealer);
    const { segments } = await world.run(sealer.env.index.list('topic', 0, { from: 0 }));
    const indexes = [];
    for (const segment of segments) {
      const { key, index, offsetIndexBytes, timeIndexBytes } = segment;
      const start = index.start + offsetIndexBytes + timeIndexBytes;
      const read = await world.run(sealer.process.stores.blobs.getRange(key, start, index.start + index.length));
      if (read.kind === 'found') indexes.push(decodeTransactionIndex(read.bytes, segment, key, start));
    }
    // Transaction 1 was open when the first item was written.
    expect(segments.map(({ abortsKnownTo }) => abortsKnownTo)).toEqual([0, 8]);
    expect(indexes).toEqual([
      [{ producerId: 2, firstOffset: 1, lastOffset: 2, lastStableOffset: 0 }],
      [
        { producerId: 1, firstOffset: 0, lastOffset: 3, lastStableOffset: 4 },
        { producerId: 1, firstOffset: 6, lastOffset: 7, lastStableOffset: 8 },
      ],
    ]);
  });

  it('ends at the bound of its bytes, and the next one goes on there', async () => {
    const large = 'x'.repeat(1_000);
    for (let count = 0; count < 5; count++) await append(world, sealer, realBatch([large]));
    const limits = { ...LIMITS, sealBytes: 2_500 };
    const outcomes = [];
    for (let count = 0; count < 4; count++) outcomes.push(await seal(sealer, limits, false));
    // What is left then is below the bound, and not due.
    expect(outcomes.map(({ kind }) => kind)).toEqual(['sealed', 'sealed', 'nothingDue', 'nothingDue']);
    expect(seals().map(ranges)).toEqual([[[0, 0, 2]], [[0, 2, 4]]]);
    await seal(sealer, limits, true);
    expect(seals().map(ranges)).toEqual([[[0, 0, 2]], [[0, 2, 4]], [[0, 4, 5]]]);
    expect((await sealedContent(world, sealer, 0)).size).toBe(5);
  });

  it('is not made before it is due, nor without batches', async () => {
    expect(await seal(sealer)).toEqual({ kind: 'nothingDue' });
    await append(world, sealer, realBatch(['a']));
    expect(await seal(sealer, LIMITS, false)).toEqual({ kind: 'nothingDue' });
    await world.clock.advance(HOUR);
    expect(await seal(sealer, LIMITS, false)).toMatchObject({ kind: 'sealed' });
    expect(await seal(sealer)).toEqual({ kind: 'nothingDue' });
  });

  it('puts the object on the due list before it stores it, and names it within ten minutes', async () => {
    await append(world, sealer, realBatch(['a']));
    sealer.process.calls.length = 0;
    await seal(sealer);
    const calls = sealer.process.calls.map(({ store, operation, key }) => `${store}.${operation} ${key.split('/')[0]}`);
    const [due, object] = [calls.indexOf('state.put due'), calls.indexOf('blobs.put segment')];
    expect(due).toBeGreaterThan(-1);
    expect(object).toBeGreaterThan(due);
    expect(calls.indexOf('journal.put journal')).toBeGreaterThan(object);
    const stored = world.stores.contents().blobs.get(segmentObjects(world)[0]!)!;
    expect(sealer.process.puts.at(-1)!.options!.signBefore).toBe(stored.modified + 10 * MINUTE);
  });

  it('is given up once its object is too old to be named', async () => {
    await append(world, sealer, realBatch(['a']));
    // The read before the seal entry takes long.
    let isStored = false;
    sealer.process.faults = ({ store, operation }) => {
      if (store === 'blobs' && operation === 'put') isStored = true;
      return isStored && operation === 'query' ? { delayBeforeMs: 11 * MINUTE } : undefined;
    };
    expect(await seal(sealer)).toEqual({ kind: 'timedOut' });
    expect(seals()).toEqual([]);
    expect(dueList(world)).toHaveLength(1);
    sealer.process.faults = () => undefined;
    expect(await seal(sealer)).toMatchObject({ kind: 'sealed' });
  });

  it('times out, and leaves nothing but an object that is due', async () => {
    await append(world, sealer, realBatch(['a']));
    const { env, open, process } = sealer;
    const deadline = process.env.clock.monotonic() + 1_000;
    process.faults = ({ store, operation }) =>
      store === 'blobs' && operation === 'put' ? { delayBeforeMs: 2_000 } : undefined;
    expect(await world.run(sealJournal(env, open, LIMITS, deadline, true))).toEqual({ kind: 'timedOut' });
    expect(seals()).toEqual([]);
  });
});

describe('bytes that cannot be read', () => {
  const wal = () => [...world.stores.contents().blobs.keys()].filter((key) => key.startsWith('wal/'));

  async function expectRefused(message: RegExp): Promise<void> {
    const entries = world.entries();
    expect(await seal(sealer)).toEqual({ kind: 'unreadable', message: expect.stringMatching(message) });
    expect(world.entries()).toEqual(entries);
    expect(segmentObjects(world)).toEqual([]);
    expect(dueList(world)).toEqual([]);
    expect(sealer.process.lines).toMatchObject([{ level: 'error', event: 'seal_unreadable', journal: 'topic/0' }]);
  }

  it('seal nothing: a WAL object is missing', async () => {
    await append(world, await startSealer(world, WAL), realBatch(['a']));
    await world.run(world.stores.blobs.delete(wal()[0]!));
    await expectRefused(/^object wal\/\S+ is missing or short; slot 1 of journal topic\/0 names it$/);
  });

  it('seal nothing: a batch is damaged', async () => {
    await append(world, await startSealer(world, WAL), realBatch(['a']));
    const { bytes } = world.stores.contents().blobs.get(wal()[0]!)!;
    bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1);
    await expectRefused(
      /^the batch at offset 0 of partition 0 is damaged \(its checksum is wrong\) in object wal\/\S+; slot 1/,
    );
  });

  it('seal nothing: a batch in an entry is damaged', async () => {
    await append(world, await startSealer(world), realBatch(['a']));
    const item = world.stores.contents().journal.at(-1)!;
    item.body.writeUInt8(item.body.at(-1)! ^ 1, item.body.length - 1);
    await expectRefused(/damaged \(its checksum is wrong\) in the entry; slot 1 of journal topic\/0/);
  });

  it('are an error of the store if it does not answer', async () => {
    await append(world, await startSealer(world, WAL), realBatch(['a']));
    sealer.process.faults = ({ operation }) => (operation === 'getRange' ? { loseAnswer: true } : undefined);
    await expect(seal(sealer)).rejects.toThrow('the answer was lost');
    expect(sealer.process.lines).toEqual([]);
  });
});
