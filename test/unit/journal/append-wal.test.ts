import { beforeEach, describe, expect, it } from 'vitest';
import { createJournal } from '../../../lib/journal/create.ts';
import type { RecordsEntry } from '../../../lib/journal/entry.ts';
import { readBatches } from '../../../lib/journal/read.ts';
import { WalWriter } from '../../../lib/journal/wal.ts';
import { decodeWalHeader } from '../../../lib/journal/wal-object.ts';
import {
  batch,
  createWorld,
  FOREVER,
  first,
  JOURNAL,
  MINUTE,
  type Process,
  type ProcessOptions,
  say,
  sequenced,
  T0,
  type World,
} from './world.ts';

const LINGER_MS = 100;
/** Whatever is appended goes by way of an object. */
const WAL: ProcessOptions = { tier: { inlineMaxBytes: 0 }, wal: { lingerMs: LINGER_MS, flushBytes: 10_000 } };

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process(WAL);
  await process.open();
  process.calls.length = 0;
});

const records = (journal = JOURNAL) =>
  world.entries(journal).filter((entry): entry is RecordsEntry => entry.kind === 'records');
const objects = () => [...world.stores.contents().blobs.keys()];
const headers = () => [...world.stores.contents().blobs].map(([key, { bytes }]) => decodeWalHeader(key, bytes));
const payloads = (journal = JOURNAL) =>
  records(journal).map(({ payload }) => (payload.kind === 'wal' ? payload : undefined));
const steps = (by = process) => by.calls.map(({ store, operation }) => `${store}.${operation}`);

async function append(text: string, fields = {}) {
  const { writer } = await process.open();
  return writer.append(batch(text, fields), FOREVER);
}

async function textsRead(by: Process, from = 0, partition = 0): Promise<string[]> {
  const { journal } = await by.open();
  const to = journal.view.partitions.get(partition)!.nextOffset;
  const read = await readBatches(journal, { partition, from, to, maxBytes: 1e9, atLeastOne: true });
  expect(read.map(({ bytes }) => say(bytes).offset)).toEqual(read.map(({ meta }) => meta.baseOffset));
  return read.map(({ bytes }) => say(bytes).text);
}

describe('in the WAL tier', () => {
  it('the object is stored before the entry that names it', async () => {
    process.faults = first(1, 'blobs.put', { delayBeforeMs: 300 });
    const appended = append('a');
    await world.clock.advance(LINGER_MS + 299);
    expect(records()).toEqual([]);
    expect(await world.run(appended)).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(steps()).toEqual(['blobs.put', 'journal.put']);
    const [object] = world.stores.contents().blobs.values();
    const start = object!.bytes.length - 17;
    expect(payloads()).toEqual([{ kind: 'wal', key: objects()[0], start, length: 17 }]);
    expect(await textsRead(world.process())).toEqual(['a']);
  });

  it('what comes within the linger is one object and one entry', async () => {
    const all = ['a', 'b', 'c'].map((text) => append(text));
    await world.clock.advance(LINGER_MS - 1);
    expect(objects()).toEqual([]);
    await world.run(Promise.all(all));
    expect(steps()).toEqual(['blobs.put', 'journal.put']);
    expect(await textsRead(process)).toEqual(['a', 'b', 'c']);
    expect(await textsRead(world.process())).toEqual(['a', 'b', 'c']);
  });

  it('an object is written before the linger ends once there are enough bytes for it', async () => {
    const all = [1, 2, 3].map((number) => append(`${number}`.repeat(4_000)));
    await world.run(Promise.all(all), LINGER_MS - 1);
    expect(objects()).toHaveLength(1);
  });

  it('the next object begins beside the one before once so many bytes wait', async () => {
    for (const [aheadBytes, puts] of [
      [10_000, [1, 1, 2]],
      [4_000, [1, 2, 3]],
    ] as const) {
      const one = world.process({ tier: { inlineMaxBytes: 0, aheadBytes } });
      const { writer } = await one.open();
      one.faults = first(1, 'blobs.put', { delayBeforeMs: 300 });
      const all = [writer.append(batch('a'), FOREVER)];
      for (const begun of puts) {
        await world.clock.advance(10);
        expect(one.count('blobs.put')).toBe(begun);
        all.push(writer.append(batch('b'.repeat(5_000)), FOREVER));
      }
      await world.run(Promise.all(all));
    }
  });

  it('several journals share an object, each with a stretch of its own', async () => {
    await createJournal(process.env, 'topic/1', T0);
    const [one, two] = [await process.open(), await process.open('topic/1')];
    const all = [
      one.writer.append(batch('a'), FOREVER),
      two.writer.append(batch('bbb'), FOREVER),
      one.writer.append(batch('cc'), FOREVER),
    ];
    await world.run(Promise.all(all));
    expect(objects()).toHaveLength(1);
    const { stretches } = headers()[0]!;
    expect(stretches.map(({ journal, length }) => [journal, length])).toEqual([
      [JOURNAL, 35],
      ['topic/1', 19],
    ]);
    expect(payloads()).toMatchObject([{ start: stretches[0]!.start, length: 35 }]);
    expect(payloads('topic/1')).toMatchObject([{ start: stretches[1]!.start, length: 19 }]);
    const cold = world.process();
    expect(await textsRead(cold)).toEqual(['a', 'cc']);
    const { journal } = await cold.open('topic/1');
    const [read] = await readBatches(journal, { partition: 0, from: 0, to: 1, maxBytes: 1, atLeastOne: true });
    expect(say(read!.bytes).text).toBe('bbb');
  });

  it('what was refused or was there already lies in the object unnamed', async () => {
    await world.run(append('first', sequencedFields(0)));
    const all = [
      append('first', sequencedFields(0)),
      append('b'),
      append('gap', sequencedFields(7)),
      append('c', { partition: 1 }),
      append('second', sequencedFields(1)),
    ];
    expect((await world.run(Promise.all(all))).map(({ kind }) => kind)).toEqual([
      'duplicate',
      'appended',
      'rejected',
      'appended',
      'appended',
    ]);
    const cold = world.process();
    expect(await textsRead(cold)).toEqual(['first', 'b', 'second']);
    expect(await textsRead(cold, 0, 1)).toEqual(['c']);
  });

  it('a lost race costs another entry, not another object', async () => {
    const other = await world.process().open();
    await other.writer.append(batch('sooner', { lastOffsetDelta: 4 }), FOREVER);
    expect(await world.run(append('a'))).toMatchObject({ baseOffset: 5 });
    expect(objects()).toHaveLength(1);
    expect(await textsRead(process, 5)).toEqual(['a']);
    expect(await textsRead(world.process(), 5)).toEqual(['a']);
  });

  it('control entries come after what was asked for before, also while an object gathers', async () => {
    const { writer } = await process.open();
    const all = [
      writer.append(batch('a'), FOREVER),
      writer.append(batch('b'), FOREVER),
      writer.appendEntry((_, time) => ({ kind: 'leaderChange', time, leaderEpoch: 1, leader: 1 }), FOREVER),
      writer.append(batch('c'), FOREVER),
      writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER),
      writer.append(batch('late'), FOREVER),
    ];
    const results = await world.run(Promise.all<unknown>(all));
    expect(results).toMatchObject([
      { baseOffset: 0 },
      { baseOffset: 1 },
      'written',
      { baseOffset: 2 },
      'written',
      { error: 'UNKNOWN_TOPIC_OR_PARTITION' },
    ]);
    expect(world.entries().map(({ kind }) => kind)).toEqual([
      'leaderChange',
      'records',
      'leaderChange',
      'records',
      'close',
    ]);
    expect(writer.idle).toBe(true);
  });

  it('one entry takes 8 MiB at most, or one batch', async () => {
    const roomy = world.process({ ...WAL, wal: { lingerMs: LINGER_MS, flushBytes: 1e9 } });
    const { writer } = await roomy.open();
    const sizes = [5, 5, 2, 9, 1].map((mebibytes) => mebibytes * 1024 * 1024);
    await world.run(Promise.all(sizes.map((size) => writer.append(batch('x'.repeat(size)), FOREVER))));
    expect(records().map((entry) => entry.batches.length)).toEqual([1, 2, 1, 1]);
    expect(objects()).toHaveLength(4);
  });
});

const sequencedFields = (baseSequence: number) => {
  const { producerId, producerEpoch } = sequenced('', 0);
  return { producerId, producerEpoch, baseSequence };
};

describe('an object', () => {
  it.each([
    ['refused', { refuse: 'throttled' } as const],
    ['lost', { loseAnswer: true }],
  ])('whose PUT is %s is stored again under another key', async (_, fault) => {
    process.faults = first(2, 'blobs.put', fault);
    expect(await world.run(append('a'))).toMatchObject({ kind: 'appended' });
    expect(process.count('blobs.put')).toBe(3);
    expect(payloads()).toMatchObject([{ key: objects().at(-1) }]);
    expect(await textsRead(world.process())).toEqual(['a']);
  });

  it('whose PUT throws is stored again', async () => {
    const { put } = process.stores.blobs;
    let left = 1;
    process.stores.blobs.put = (key, chunks) => {
      if (left-- > 0) return Promise.reject(new Error('no such host'));
      return put(key, chunks);
    };
    expect(await world.run(append('a'))).toMatchObject({ kind: 'appended' });
  });

  it.each([
    [10 * MINUTE - 1, 1],
    [10 * MINUTE, 2],
  ])('of an age of %i ms is named after %i PUTs', async (age, puts) => {
    const { put } = process.stores.journal;
    let held = true;
    process.stores.journal.put = async (...args) => {
      if (held) await new Promise<void>((resolve) => world.clock.setTimer(age, resolve));
      held = false;
      return put(...args);
    };
    expect(await world.run(append('a'))).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(process.count('blobs.put')).toBe(puts);
    expect(payloads()).toMatchObject([{ key: objects().at(-1) }]);
    expect(await textsRead(world.process())).toEqual(['a']);
  });

  it('that grew too old while the outcome of its entry was unknown is stored again once nothing can land any more', async () => {
    let silent = true;
    process.faults = ({ store, operation }) =>
      silent && store === 'journal' && operation === 'put' ? { landAfterMs: 10 * 60 * MINUTE } : undefined;
    const { writer } = await process.open();
    const stuck = writer.append(batch('stuck'), world.clock.monotonic() + MINUTE);
    expect(await world.run(stuck)).toMatchObject({ error: 'REQUEST_TIMED_OUT' });
    await world.clock.advance(11 * MINUTE);
    silent = false;
    const next = writer.append(batch('next'), FOREVER);
    await world.clock.advance(10 * MINUTE);
    // A put may land for 15 minutes after its signing: until then the slot may not be given to another entry.
    expect(records()).toEqual([]);
    expect(await world.run(next, 10 * MINUTE)).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(await textsRead(world.process())).toEqual(['next']);
  });
});

describe('the writer of objects', () => {
  const source = (texts: string[], done: (kind: string) => void = () => {}) => {
    const chunks = texts.map((text) => Buffer.from(text));
    const waitingBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return {
      journal: JOURNAL,
      waitingBytes,
      take: () => ({ chunks, done: (outcome: { kind: string }) => done(outcome.kind) }),
    };
  };
  const writer = (limits = {}) => {
    const { stores, clock, random } = process.env;
    return new WalWriter(stores.blobs, clock, random, { lingerMs: 50, flushBytes: 10, inFlight: 2, ...limits });
  };

  it('keeps to the number of objects on their way', async () => {
    process.faults = () => ({ delayBeforeMs: 100 });
    const wal = writer({ lingerMs: 0 });
    for (const text of ['a', 'b', 'c', 'd']) void wal.write(JOURNAL, [Buffer.from(text)]);
    await world.clock.advance(99);
    expect(process.count('blobs.put')).toBe(2);
    await world.clock.advance(101);
    // What waited is one object.
    expect(process.count('blobs.put')).toBe(3);
    expect(objects()).toHaveLength(3);
  });

  it('writes nothing for sources that have nothing any more', async () => {
    const wal = writer();
    wal.request(source([]));
    await world.clock.advance(50);
    expect(process.calls).toEqual([]);
    const stored = await world.run(wal.write(JOURNAL, [Buffer.from('a')]));
    expect(stored).toMatchObject({ kind: 'stored', stretch: { start: headers()[0]!.stretches[0]!.start } });
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('takes a source that asks twice once', async () => {
    const wal = writer();
    const outcomes: string[] = [];
    const one = source(['a'], (kind) => outcomes.push(kind));
    wal.request(one);
    wal.request(one);
    await world.clock.advance(100);
    expect(outcomes).toEqual(['stored']);
    expect(process.count('blobs.put')).toBe(1);
  });

  it('names itself, the time and the journals in the header of each object', async () => {
    const wal = writer({ lingerMs: 0 });
    await world.run(wal.write('t/0', [Buffer.from('abc')]));
    await world.run(wal.write('t/1', [Buffer.from('de')]));
    const [first, second] = headers();
    // The store's time is known from its first answer on.
    expect(first).toMatchObject({ key: objects()[0], time: 0, stretches: [{ journal: 't/0', length: 3 }] });
    expect(second).toMatchObject({ key: objects()[1], time: T0, stretches: [{ journal: 't/1', length: 2 }] });
    expect(first!.key.endsWith(first!.writer)).toBe(true);
    expect(second!.writer).toBe(first!.writer);
    expect(second!.key.endsWith(second!.writer)).toBe(false);
  });

  it('gives the store one buffer for a journal, and answers with a view of it', async () => {
    const { put } = process.stores.blobs;
    const given: (readonly Buffer[])[] = [];
    process.stores.blobs.put = (key, chunks) => {
      given.push(chunks);
      return put(key, chunks);
    };
    const stored = await world.run(writer({ lingerMs: 0 }).write(JOURNAL, [Buffer.from('a'), Buffer.from('b')]));
    expect(given.map((chunks) => chunks.length)).toEqual([1]);
    const [object] = given[0]!;
    if (stored.kind !== 'stored') throw new Error(stored.message);
    const { bytes, start } = stored.stretch;
    expect(bytes.toString()).toBe('ab');
    expect([bytes.buffer, bytes.byteOffset]).toEqual([object!.buffer, object!.byteOffset + start]);
  });
});
