import { beforeEach, describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { EntriesGoneError } from '../../../lib/journal/batch-search.ts';
import { type ReadRange, readBatches } from '../../../lib/journal/read.ts';
import { BLOCK_ENTRIES } from '../../../lib/journal/view.ts';
import { entryPk } from '../../../lib/storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import {
  batch,
  createWorld,
  FOREVER,
  first,
  JOURNAL,
  type Process,
  type ProcessOptions,
  say,
  type World,
} from './world.ts';

let world: World;
let writer: Process;

beforeEach(async () => {
  world = await createWorld();
  writer = world.process();
});

/** One entry for each: the partition it is in; offsets count up in each partition, and the texts say them. */
async function write(partitions: readonly number[], by = writer): Promise<void> {
  const { writer: queue, journal } = await by.open();
  for (const partition of partitions) {
    const next = journal.view.partitions.get(partition)?.nextOffset ?? 0;
    await world.run(queue.append(batch(`${partition}:${next}`, { partition }), FOREVER));
  }
}

/** A process that knows the view from a checkpoint, and no entry. */
async function cold(options: ProcessOptions = {}): Promise<Process> {
  await world.run((await writer.open()).checkpointer.write());
  const one = world.process(options);
  await one.open();
  one.calls.length = 0;
  return one;
}

async function read(by: Process, range: Partial<ReadRange> = {}): Promise<string[]> {
  const { journal } = await by.open();
  const partition = range.partition ?? 0;
  const to = range.to ?? journal.view.partitions.get(partition)?.nextOffset ?? 0;
  const batches = await world.run(
    readBatches(journal, { partition, from: 0, maxBytes: 1e9, atLeastOne: true, ...range, to }),
  );
  return batches.map(({ bytes }) => say(bytes).text);
}

const queries = (by: Process) => by.count('journal.query');
const numbers = (from: number, to: number, partition = 0) =>
  Array.from({ length: to - from }, (_, index) => `${partition}:${from + index}`);

describe('reading', () => {
  it('what was just written or read asks the store nothing', async () => {
    await write([0, 1, 0]);
    writer.calls.length = 0;
    expect(await read(writer)).toEqual(['0:0', '0:1']);
    const other = world.process();
    await other.open();
    other.calls.length = 0;
    expect(await read(other)).toEqual(['0:0', '0:1']);
    expect([...writer.calls, ...other.calls]).toEqual([]);
  });

  it.each([
    [{ from: 2 }, ['0:2', '0:3', '0:4']],
    [{ to: 2 }, ['0:0', '0:1']],
    [{ from: 5 }, []],
    [{ from: 3, to: 3 }, []],
    [{ partition: 7, to: 1 }, []],
    [{ maxBytes: 3 * 19 }, ['0:0', '0:1', '0:2']],
    [{ maxBytes: 3 * 19 - 1 }, ['0:0', '0:1']],
    [{ maxBytes: 0 }, ['0:0']],
    [{ maxBytes: 18, atLeastOne: false }, []],
    [{ maxBytes: 19, atLeastOne: false }, ['0:0']],
  ])('%j gives %j', async (range, expected) => {
    await write([0, 1, 0, 0, 1, 0, 0]);
    expect(await read(writer, range)).toEqual(expected);
  });

  it('from the middle of a batch gives it whole', async () => {
    const { writer: queue } = await writer.open();
    await queue.append(batch('ten', { lastOffsetDelta: 9 }), FOREVER);
    await queue.append(batch('more'), FOREVER);
    expect(await read(writer, { from: 9 })).toEqual(['ten', 'more']);
    expect(await read(writer, { from: 10 })).toEqual(['more']);
    // Up to the middle of one: it begins before, so it is given.
    expect(await read(writer, { from: 0, to: 5 })).toEqual(['ten']);
  });

  it('step by step gives all there is, once', async () => {
    await write(Array.from({ length: 300 }, (_, index) => index % 3));
    const reader = await cold();
    const all: string[] = [];
    while (all.length < 100) all.push(...(await read(reader, { from: all.length, maxBytes: 60 })));
    expect(all).toEqual(numbers(0, 100));
  });

  it('many small bits of an entry of several batches gives each once', async () => {
    const { writer: queue } = await writer.open();
    await Promise.all(Array.from({ length: 10 }, (_, index) => queue.append(batch(`0:${index}`), FOREVER)));
    const reader = await cold();
    const all: string[] = [];
    while (all.length < 10) all.push(...(await read(reader, { from: all.length, maxBytes: 1 })));
    expect(all).toEqual(numbers(0, 10));
  });
});

describe('the index', () => {
  it('leads to any offset of closed blocks with one query, nothing cached', async () => {
    await write(Array.from({ length: 3 * BLOCK_ENTRIES }, () => 0));
    for (const from of [0, 1, 254, 255, 256, 511, 512, 700]) {
      const reader = await cold();
      expect(await read(reader, { from, maxBytes: 1 })).toEqual([`0:${from}`]);
      expect(queries(reader)).toBe(1);
      const entries = Number(reader.calls[0]!.sortKey);
      expect(from + 1 - entries).toBeGreaterThanOrEqual(0);
      expect(from + 1 - entries).toBeLessThan(BLOCK_ENTRIES);
    }
  });

  it('leads past what belongs to other partitions alone', async () => {
    await write([0, ...Array.from({ length: 4 * BLOCK_ENTRIES }, () => 1), 0, 1, 1, 0]);
    const reader = await cold();
    reader.faults = () => ({ cutPageTo: 64 });
    expect(await read(reader)).toEqual(['0:0', '0:1', '0:2']);
    expect(queries(reader)).toBeLessThanOrEqual(3);
  });

  it('is better than a place from long before', async () => {
    const reader = await cold({ cacheBytes: 20_000 });
    await write([0]);
    const { journal } = await reader.open();
    await journal.catchUp(false);
    expect(await read(reader)).toEqual(['0:0']);
    await write([...Array.from({ length: 2_000 }, () => 1), 0, ...Array.from({ length: 100 }, () => 1)]);
    await journal.catchUp(false);
    reader.calls.length = 0;
    expect(await read(reader, { from: 1 })).toEqual(['0:1']);
    expect(queries(reader)).toBe(1);
    expect(Number(reader.calls[0]!.sortKey)).toBeGreaterThan(1_000);
  });

  it('does not read on behind the last batch', async () => {
    await write([0, ...Array.from({ length: 2_000 }, () => 1)]);
    const reader = await cold();
    reader.faults = () => ({ cutPageTo: 64 });
    expect(await read(reader)).toEqual(['0:0']);
    expect(queries(reader)).toBe(1);
  });

  it('bounds the pages that one call reads, not what can be read', async () => {
    // In every block a batch of partition 0 and then pages of partition 1.
    const { writer: queue } = await writer.open();
    for (let block = 0; block < 20; block++) {
      await world.run(queue.append(batch(`0:${block}`), FOREVER));
      for (let entry = 0; entry < 255; entry++) await queue.append(batch('1', { partition: 1 }), FOREVER);
    }
    const reader = await cold();
    reader.faults = () => ({ cutPageTo: 64 });
    const some = await read(reader);
    expect(some.length).toBeGreaterThan(0);
    expect(some.length).toBeLessThan(20);
    expect(queries(reader)).toBeLessThanOrEqual(8);
    const all = [...some];
    while (all.length < 20) all.push(...(await read(reader, { from: all.length })));
    expect(all).toEqual(numbers(0, 20));
  });
});

describe('entries', () => {
  it('that lag behind in an eventual answer are read strongly', async () => {
    await write([0, 0, 0]);
    const reader = await cold();
    reader.faults = ({ consistent }) => (consistent === false ? { lag: { writes: 3 } } : undefined);
    expect(await read(reader)).toEqual(['0:0', '0:1', '0:2']);
  });

  it('that were deleted are gone, not missing', async () => {
    await write([0, 0, 0]);
    const reader = await cold();
    const items = world.stores.contents().journal.filter(({ pk }) => pk === entryPk(JOURNAL));
    for (const { pk, sk, version } of items.slice(0, 2)) await world.stores.journal.delete(pk, sk, version);
    await expect(read(reader)).rejects.toThrow(EntriesGoneError);
    expect(await read(reader, { from: 1 })).toEqual(['0:1', '0:2']);
  });
});

describe('objects', () => {
  const WAL: ProcessOptions = { tier: { inlineMaxBytes: 0 } };

  beforeEach(() => {
    writer = world.process(WAL);
  });

  it('are read by range, once for all who ask at the same time', async () => {
    await write([0, 0]);
    const reader = await cold();
    const [one, two] = await Promise.all([read(reader), read(reader)]);
    expect(one).toEqual(['0:0', '0:1']);
    expect(two).toEqual(one);
    expect(reader.count('blobs.getRange')).toBe(2);
    expect(await read(reader)).toEqual(one);
    expect(reader.count('blobs.getRange')).toBe(2);
  });

  it('once read stay read when their entries come in again with a page', async () => {
    await write([0, 0, 0]);
    const reader = await cold();
    await read(reader, { from: 1 });
    reader.calls.length = 0;
    // Only the first entry has gone from the cache; the page that brings it back has the others with it.
    const { cache } = reader.env;
    const get = cache.get.bind(cache);
    let hidden = true;
    cache.get = (journal, seq) => {
      if (hidden && seq === 1) {
        hidden = false;
        return undefined;
      }
      return get(journal, seq);
    };
    expect(await read(reader)).toEqual(['0:0', '0:1', '0:2']);
    expect(reader.count('blobs.getRange')).toBe(1);
  });

  it.each([
    ['missing', async (key: string) => world.stores.blobs.delete(key)],
    ['short', async (key: string) => world.stores.blobs.put(key, [Buffer.from('x')])],
  ])('that are %s are unavailable, and are asked for again', async (_, damage) => {
    await write([0]);
    const [key, { bytes }] = [...world.stores.contents().blobs][0]!;
    const reader = await cold();
    await damage(key);
    await expect(read(reader)).rejects.toThrow(StoreUnavailableError);
    await world.stores.blobs.put(key, [bytes]);
    expect(await read(reader)).toEqual(['0:0']);
  });

  const flip = (bytes: Buffer, at: number) => {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    return changed;
  };

  it.each([
    [
      'have a damaged mark',
      (bytes: Buffer) => flip(bytes, bytes.length - 16 - 3 - 1),
      'does not hold bytes of journal',
    ],
    ['have a batch of another length', (bytes: Buffer) => flip(bytes, bytes.length - 3 - 5), 'the batch of offset 0'],
    ['are another object', () => Buffer.alloc(1_000), 'does not hold bytes of journal'],
  ])('that %s are malformed, and are asked for again', async (_, damaged, message) => {
    await write([0]);
    const [key, { bytes }] = [...world.stores.contents().blobs][0]!;
    const reader = await cold();
    await world.stores.blobs.put(key, [damaged(bytes)]);
    await expect(read(reader)).rejects.toThrow(message);
    await expect(read(reader)).rejects.toThrow(MalformedBytesError);
    await world.stores.blobs.put(key, [bytes]);
    expect(await read(reader)).toEqual(['0:0']);
  });

  it('of two journals that were mixed up are malformed', async () => {
    await write([0]);
    const key = [...world.stores.contents().blobs.keys()][0]!;
    const { wal } = world.process().env;
    const stored = await world.run(wal.write('topic/1', [batch('0:0').bytes]));
    const reader = await cold();
    const other = stored.kind === 'stored' ? world.stores.contents().blobs.get(stored.stretch.key)! : undefined;
    await world.stores.blobs.put(key, [other!.bytes]);
    await expect(read(reader)).rejects.toThrow('does not hold bytes of journal topic/0');
  });

  it('that do not answer at first can be read later', async () => {
    await write([0]);
    const reader = await cold();
    reader.faults = first(1, 'blobs.getRange', { refuse: 'unavailable' });
    await expect(read(reader)).rejects.toThrow(StoreUnavailableError);
    expect(await read(reader)).toEqual(['0:0']);
  });
});
