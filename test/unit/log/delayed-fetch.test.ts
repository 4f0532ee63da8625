import { beforeEach, describe, expect, it } from 'vitest';
import { createJournal } from '../../../lib/journal/create.ts';
import { delayedFetch } from '../../../lib/log/delayed-fetch.ts';
import { HeldReaders } from '../../../lib/log/held-readers.ts';
import { ReadBudget } from '../../../lib/log/read-budget.ts';
import type { FetchedPartition, PartitionToRead } from '../../../lib/log/read-partitions.ts';
import { entryPk, type JournalId, journalId } from '../../../lib/storage/items/journal-entry.ts';
import type { StoreCall } from '../../../lib/storage/memory/faults.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import {
  batch,
  createWorld,
  FOREVER,
  type Process,
  type ProcessOptions,
  say,
  T0,
  type World,
} from '../journal/world.ts';

/** What every call to the store takes. */
const LATENCY_MS = 10;

const WAL: ProcessOptions = { tier: { inlineMaxBytes: 0 } };

let world: World;
let writer: Process;

beforeEach(async () => {
  world = await createWorld();
  writer = world.process();
});

const idOf = (topic: number): JournalId => journalId(`topic-${topic}`, 0);

/** Writes `batches` batches, an entry each, to partition 0 of so many topics, and their checkpoints. */
async function write(topics: number, batches: number, by = writer): Promise<void> {
  for (let topic = 0; topic < topics; topic++) {
    await createJournal(by.env, idOf(topic), T0);
    const { writer: queue, checkpointer } = await by.open(idOf(topic));
    for (let at = 0; at < batches; at++) await world.run(queue.append(batch(`${topic}:${at}`), FOREVER));
    await world.run(checkpointer.write());
  }
}

interface Reader extends Process {
  /** Calls that were under way at the same time, at most. */
  readonly atOnce: () => number;
}

/** A process that has the journals' views from their checkpoints, and no entry. */
async function cold(topics: number, options: ProcessOptions = {}): Promise<Reader> {
  // No tail is polled while a test reads: its calls would be counted.
  const one = world.process({ ...options, pacing: { minMs: 60_000, maxMs: 60_000 } });
  for (let topic = 0; topic < topics; topic++) await world.run(one.open(idOf(topic)));
  one.calls.length = 0;
  let live = 0;
  let most = 0;
  one.faults = () => {
    most = Math.max(most, ++live);
    world.clock.setTimer(LATENCY_MS, () => live--);
    return { delayBeforeMs: LATENCY_MS };
  };
  return Object.assign(one, { atOnce: () => most });
}

interface Options {
  readonly offset?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
}

async function fetchAll(by: Process, topics: number, options: Options = {}): Promise<FetchedPartition[]> {
  const partitions: PartitionToRead[] = [];
  for (let topic = 0; topic < topics; topic++) {
    const { offset = 0, partitionMaxBytes: maxBytes = 1e6 } = options;
    partitions.push({ open: await by.open(idOf(topic)), partition: 0, offset, maxBytes, currentLeaderEpoch: -1 });
  }
  const limits = {
    minBytes: 1,
    maxBytes: options.maxBytes ?? 50e6,
    isolation: 'read_uncommitted',
    deadline: 0,
    signal: new AbortController().signal,
    budget: new ReadBudget(1e9, () => 0),
    heldReaders: new HeldReaders({ meetProducer: async () => undefined }, world.clock),
    segments: {} as never,
  } as const;
  return world.run(delayedFetch(partitions, limits));
}

const textsOf = (fetched: FetchedPartition) => fetched.batches.map((bytes) => say(bytes).text);

/** Makes the calls that `which` picks fail, and lets the others be as they are. */
function fail(by: Process, which: (call: StoreCall) => boolean): void {
  const { faults } = by;
  by.faults = (call) => (which(call) ? { refuse: 'unavailable' } : faults(call));
}

describe('a fetch of many cold partitions', () => {
  it.each([
    ['pages of entries', {}],
    ['pages of entries and objects', WAL],
  ])('reads %s side by side, and not all at once', async (_, options) => {
    await write(50, 2, world.process(options));
    const reader = await cold(50);
    const began = world.clock.monotonic();
    const fetched = await fetchAll(reader, 50);
    expect(fetched.map(textsOf)).toEqual(Array.from({ length: 50 }, (_, topic) => [`${topic}:0`, `${topic}:1`]));
    // One after the other they would take 50 round trips for the pages alone.
    const calls = reader.calls.length;
    expect(calls).toBeGreaterThanOrEqual(50);
    expect(world.clock.monotonic() - began).toBeLessThanOrEqual(Math.ceil(calls / 16 + 1) * LATENCY_MS);
    expect(reader.atOnce()).toBeLessThanOrEqual(16);
  });

  it('does not look for more than the answer holds', async () => {
    await write(50, 2);
    const reader = await cold(50);
    const fetched = await fetchAll(reader, 50, { maxBytes: 1 });
    expect(fetched.flatMap(textsOf)).toEqual(['0:0']);
    expect(reader.count('journal.query')).toBeLessThanOrEqual(16);
  });

  it('gives what a warm process gives, whatever the limits', async () => {
    const topics = 20;
    await write(topics, 5);
    const random = seededRandom(7);
    for (let round = 0; round < 60; round++) {
      const options = {
        maxBytes: Math.floor(random.next() * 2_000),
        partitionMaxBytes: Math.floor(random.next() * 120),
        offset: Math.floor(random.next() * 5),
      };
      const reader = await cold(topics, { cacheBytes: round % 2 === 0 ? 0 : 1e6 });
      if (round % 3 === 0) {
        const { faults } = reader;
        reader.faults = (call) => ({ ...faults(call), cutPageTo: 1 });
      }
      const [fromStore, fromMemory] = [
        await fetchAll(reader, topics, options),
        await fetchAll(writer, topics, options),
      ];
      // Pages of one entry end a search early, after eight of them; here there are five.
      expect(fromStore.map(textsOf), JSON.stringify(options)).toEqual(fromMemory.map(textsOf));
      expect(fromStore.map((one) => one.readable)).toEqual(fromMemory.map((one) => one.readable));
    }
  });
});

describe('what cannot be read', () => {
  it('is an error of its partition alone where a page of entries does not come', async () => {
    await write(3, 2);
    const reader = await cold(3);
    fail(reader, ({ key }) => key === entryPk(idOf(1)));
    const fetched = await fetchAll(reader, 3);
    expect(fetched.map(({ error }) => error)).toEqual(['NONE', 'KAFKA_STORAGE_ERROR', 'NONE']);
    expect(fetched.map(textsOf)).toEqual([['0:0', '0:1'], [], ['2:0', '2:1']]);
    expect(fetched[1]).toMatchObject({ reason: expect.stringContaining('unavailable'), highWatermark: -1 });
  });

  it('is an error of its partition alone where it could not be caught up', async () => {
    await write(3, 2);
    const reader = await cold(3);
    fail(reader, ({ key }) => key === entryPk(idOf(0)));
    const fetched = await fetchAll(reader, 3, { offset: 2 });
    expect(fetched.map(({ error }) => error)).toEqual(['KAFKA_STORAGE_ERROR', 'NONE', 'NONE']);
  });

  it('is an error once the batches before it were read', async () => {
    await write(2, 4, world.process(WAL));
    const [, , damaged] = [...world.stores.contents().blobs.keys()];
    await world.stores.blobs.delete(damaged!);
    const reader = await cold(2);
    const fetched = await fetchAll(reader, 2);
    expect(fetched.map(({ error }) => error)).toEqual(['NONE', 'NONE']);
    expect(fetched.map(textsOf)).toEqual([
      ['0:0', '0:1'],
      ['1:0', '1:1', '1:2', '1:3'],
    ]);
    const next = await fetchAll(reader, 2, { offset: 2 });
    expect(next.map(({ error }) => error)).toEqual(['KAFKA_STORAGE_ERROR', 'NONE']);
    expect(next[0]!.reason).toContain(damaged);
    expect((await fetchAll(reader, 2, { offset: 3 })).map(textsOf)).toEqual([['0:3'], ['1:3']]);
  });

  it('is out of range where it was deleted, beside others that are read', async () => {
    await write(2, 3);
    const reader = await cold(2);
    const items = world.stores.contents().journal.filter(({ pk }) => pk === entryPk(idOf(0)));
    for (const { pk, sk, version } of items) await world.stores.journal.delete(pk, sk, version);
    const fetched = await fetchAll(reader, 2);
    expect(fetched.map(({ error }) => error)).toEqual(['OFFSET_OUT_OF_RANGE', 'NONE']);
  });
});
