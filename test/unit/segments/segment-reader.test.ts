import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { GET_BYTES_MAX, GET_BYTES_MIN } from '../../../lib/segments/read-sizes.ts';
import { contentOf } from './format/contents.ts';
import { History, MIB, TOPIC } from './history.ts';

const T0 = 1_700_000_000_000;

/** Three segments: small batches, batches larger than the index interval, and one batch. */
function threeSegments(): History {
  const history = new History();
  history.fill(120, { valueBytes: 300, timestamps: [T0, T0 + 1, T0 + 2] });
  history.fill(30, { valueBytes: 6_000 });
  history.fill(1);
  return history;
}

describe('a read', () => {
  it('returns the same batches as a list of them, from every offset and for every limit', async () => {
    const history = threeSegments();
    for (const cacheBytes of [0, 20_000, 64 * MIB]) {
      const reader = history.reader({ cacheBytes });
      for (let from = 0; from < history.end; from += from < 350 ? 7 : 1) {
        for (const maxBytes of [1, 700, 5_000, 1_000_000]) {
          const read = Buffer.concat(await history.fetch(reader, from, maxBytes));
          expect(read.equals(history.expected(from, maxBytes)), `from ${from}, ${maxBytes} bytes`).toBe(true);
        }
      }
    }
  });

  it('ends before the first batch at or above its end', async () => {
    const history = threeSegments();
    const reader = history.reader();
    for (const to of [1, 3, 4, 359, 360, 361, 390]) {
      const read = Buffer.concat(await history.fetch(reader, 0, MIB, to));
      expect(read.equals(history.expected(0, MIB, to)), `to ${to}`).toBe(true);
    }
  });

  it('drops batches that no longer fit, and finds them again', async () => {
    const history = threeSegments();
    const search = history.reader().search({ topicId: TOPIC, partition: 0, from: 7, to: history.end });
    while (search.advance(100_000, true) === 'page') await search.load(100_000);
    expect(search.size).toBe(history.expected(7, 100_000).length);
    expect(search.advance(5_000, true)).toBe('full');
    expect(Buffer.concat(search.found.map(({ bytes }) => bytes)).equals(history.expected(7, 5_000))).toBe(true);
    expect(search.advance(10, false)).toBe('full');
    expect(search.found).toEqual([]);
  });

  it('in the middle of a segment costs one look-up and two GETs of the size that was asked for', async () => {
    const history = new History();
    history.fill(10_000, { valueBytes: 800 });
    const reader = history.reader();
    await history.fetch(reader, 4_321, 200_000);
    expect(history.finds).toBe(1);
    const [index, log] = history.gets;
    expect(history.gets).toHaveLength(2);
    expect(index).toMatchObject({ start: history.parts[0]!.index.start, length: history.parts[0]!.index.length });
    expect(log!.length).toBeGreaterThanOrEqual(200_000);
    expect(log!.length).toBeLessThan(200_000 + 3 * 5_000);
  });

  it('from the first offset of a small segment costs one look-up and one GET', async () => {
    const history = threeSegments();
    await history.fetch(history.reader(), 0, GET_BYTES_MIN, 360);
    expect([history.finds, history.gets.length]).toEqual([1, 1]);
  });

  it('goes on where the last one stopped, without the index', async () => {
    const history = new History();
    history.fill(5_000, { valueBytes: 800 });
    const reader = history.reader();
    await history.fetch(reader, 0, 100_000);
    history.gets.length = 0;
    const next = history.finds;
    const first = Math.floor(100_000 / history.batches[0]!.length);
    expect(Buffer.concat(await history.fetch(reader, first, 100_000)).equals(history.expected(first, 100_000))).toBe(
      true,
    );
    expect([history.finds - next, history.gets.length]).toEqual([0, 1]);
  });

  it('of many bytes has several GETs in flight', async () => {
    const history = new History();
    history.fill(200, { valueBytes: 100_000 });
    let open = () => {};
    const reader = history.reader();
    const search = reader.search({ topicId: TOPIC, partition: 0, from: 0, to: history.end });
    search.advance(15 * MIB, true);
    await search.load(15 * MIB);
    search.advance(15 * MIB, true);
    await reader.source.indexesOf(history.parts[0]!);
    history.gets.length = 0;
    history.gate = new Promise((resolve) => {
      open = resolve;
    });
    const loading = search.load(15 * MIB);
    await Promise.resolve();
    await Promise.resolve();
    expect(history.gets.length).toBe(4);
    open();
    await loading;
    expect(search.advance(15 * MIB, true)).toBe('full');
    expect(search.size).toBe(history.expected(0, 15 * MIB).length);
  });

  it('of a log without index entries reads no more than was asked for', async () => {
    const history = new History();
    history.fill(20_000, { valueBytes: 400 }, 2 ** 31 - 1);
    const reader = history.reader();
    const read = Buffer.concat(await history.fetch(reader, 0, 300_000));
    expect(read.equals(history.expected(0, 300_000))).toBe(true);
    expect(history.gets.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(2 * 300_000);
  });

  it('goes through segments that compaction has emptied', async () => {
    const history = new History();
    history.fill(3);
    history.add({ ...contentOf([], 0, 3), nextOffset: 50 });
    history.add(
      contentOf(
        [
          { kind: 'gap', offsets: 5 },
          { kind: 'data', timestamps: [T0], valueBytes: 9 },
        ],
        0,
        50,
      ),
    );
    history.add({ ...contentOf([], 0, 56), nextOffset: 60 });
    const reader = history.reader();
    for (let from = 0; from < 60; from++) {
      const read = Buffer.concat(await history.fetch(reader, from, MIB));
      expect(read.equals(history.expected(from, MIB)), `from ${from}`).toBe(true);
    }
    expect(await reader.read({ topicId: TOPIC, partition: 0, from: 57, to: 60 }, 1)).toEqual({ runs: [], next: 60 });
  });

  it('shares a GET with others that need the same bytes', async () => {
    const history = threeSegments();
    const reader = history.reader();
    const reads = await Promise.all([0, 0, 1, 2].map((from) => history.fetch(reader, from, 1_000)));
    expect(reads.map((read) => Buffer.concat(read).equals(history.expected(0, 1_000)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(history.gets.filter(({ start }) => start === 0)).toHaveLength(1);
  });

  it('does not keep a large range in memory for a small answer', async () => {
    const history = new History();
    history.fill(5_000, { valueBytes: 800 });
    const reader = history.reader();
    await history.fetch(reader, 0, 2 * MIB);
    const [few] = await history.fetch(reader, 100, 20_000);
    expect(few!.equals(history.expected(100, 20_000))).toBe(true);
    expect(few!.buffer.byteLength).toBeLessThan(100_000);
    const [many] = await history.fetch(reader, 100, MIB);
    expect(many!.buffer.byteLength).toBeGreaterThan(2 * MIB);
  });

  it('keeps to its memory', async () => {
    const history = new History();
    for (let segment = 0; segment < 20; segment++) history.fill(100, { valueBytes: 10_000 });
    const reader = history.reader({ cacheBytes: 2 * MIB });
    for (let from = 0; from < history.end; from += 50) {
      await history.fetch(reader, from, 500_000);
      expect(reader.source.ranges.bytes).toBeLessThanOrEqual(2 * MIB);
    }
  });
});

describe('a search that tells which batches are part of a transaction', () => {
  it('does not count markers', async () => {
    const history = new History();
    history.add(
      contentOf([
        { kind: 'data', timestamps: [T0], valueBytes: 9 },
        { kind: 'data', timestamps: [T0], valueBytes: 9, producer: 1 },
        { kind: 'marker', producer: 1, type: 'abort', timestamp: T0 },
      ]),
    );
    const reader = history.reader();
    const isTransactional = async (from: number, to: number) => {
      const { runs } = await reader.read({ topicId: TOPIC, partition: 0, from, to }, MIB);
      return runs.some((run) => run.isTransactional);
    };
    expect(await isTransactional(0, 1)).toBe(false);
    expect(await isTransactional(0, 2)).toBe(true);
    expect(await isTransactional(2, 3)).toBe(false);
  });
});

describe('what is missing or damaged', () => {
  const read = (history: History, from: number, reader = history.reader()) =>
    history.fetch(reader, from, MIB).then((found) => Buffer.concat(found));

  it('is looked up again if the segment was replaced', async () => {
    const history = threeSegments();
    const reader = history.reader();
    await history.fetch(reader, 0, 1_000);
    const [old] = history.parts;
    const replacement = { ...old!, key: 'segment/topic/p0/0-merged' };
    history.objects.set(replacement.key, history.objects.get(old!.key)!);
    history.objects.delete(old!.key);
    reader.source.ranges.forget(old!.key);
    let cached: typeof old = old;
    history.forget = () => {
      history.parts[0] = replacement;
      cached = undefined;
    };
    const find = history.find.bind(history);
    history.find = async (topicId, partition, offset) =>
      cached !== undefined && offset < cached.nextOffset ? cached : find(topicId, partition, offset);
    expect((await read(history, 100, reader)).equals(history.expected(100, MIB))).toBe(true);
    expect((await read(history, 0, reader)).equals(history.expected(0, MIB))).toBe(true);
  });

  it('is one error with the name of the object, and the rest stays readable', async () => {
    const history = threeSegments();
    const { key } = history.parts[1]!;
    history.objects.delete(key);
    await expect(read(history, 361)).rejects.toThrow(`object ${key} is missing`);
    expect((await read(history, 390)).equals(history.expected(390, MIB))).toBe(true);
  });

  it('is no gap to be skipped', async () => {
    const history = threeSegments();
    history.parts.splice(1, 1);
    await expect(read(history, 360)).rejects.toThrow('no segment holds offset 360 of partition topic/0');
  });

  it('does not hide the batches before it', async () => {
    const history = threeSegments();
    history.objects.delete(history.parts[1]!.key);
    const { runs, next } = await history.reader().read({ topicId: TOPIC, partition: 0, from: 0, to: 391 }, MIB);
    expect(next).toBe(360);
    expect(Buffer.concat(runs.map(({ bytes }) => bytes)).equals(history.expected(0, MIB, 360))).toBe(true);
  });

  it.each([
    ['an index block', (object: Buffer, at: number) => object.writeUInt8(object[at]! ^ 1, at), 'index', 'CRC'],
    ['a magic', (object: Buffer, at: number) => object.writeInt8(1, at + 16), 'log', 'magic 1'],
    ['a length', (object: Buffer, at: number) => object.writeInt32BE(2 ** 30, at + 8), 'log', 'ends inside a batch'],
    ['an offset', (object: Buffer, at: number) => object.writeInt32BE(9_000, at + 4), 'log', 'offsets 9000 to 9000'],
  ] as const)('is damaged in %s', async (_, damage, where, message) => {
    const history = threeSegments();
    const part = history.parts[1]!;
    const object = history.objects.get(part.key)!;
    const intact = Buffer.from(object);
    const at = where === 'index' ? part.index.start : 10 * history.batches[120]!.length;
    damage(object, at);
    const reader = history.reader();
    const error = await read(history, 370, reader).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(MalformedBytesError);
    expect(String(error)).toContain(`object ${part.key}, byte ${at}: `);
    expect(String(error)).toContain(message);
    if (where === 'log') {
      const { next } = await reader.read({ topicId: TOPIC, partition: 0, from: 365, to: 391 }, MIB);
      expect(next).toBe(370);
    }
    history.objects.set(part.key, intact);
    expect((await read(history, 370, reader)).equals(history.expected(370, MIB))).toBe(true);
  });

  it('is an object that ends too early', async () => {
    const history = threeSegments();
    const { key } = history.parts[2]!;
    history.objects.set(key, history.objects.get(key)!.subarray(0, 40));
    const error = await read(history, 390).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(MalformedBytesError);
    expect(String(error)).toContain(`object ${key}, byte 0: the object has 40 bytes from here`);
  });
});

describe('reading ahead', () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  function longHistory(): History {
    const history = new History();
    for (let segment = 0; segment < 3; segment++) history.fill(120, { valueBytes: 100_000 });
    return history;
  }

  it('begins with the second read in a row, and stays some MiB ahead', async () => {
    const history = longHistory();
    const reader = history.reader({ readsAhead: true });
    let next = 0;
    const consume = async () => {
      const found = Buffer.concat(await history.fetch(reader, next, MIB));
      expect(found.equals(history.expected(next, MIB)), `from ${next}`).toBe(true);
      next += Math.floor(found.length / history.batches[0]!.length);
      await settle();
    };
    await consume();
    expect(history.gets.length).toBe(2);
    await consume();
    const ahead = history.gets.slice(3);
    expect(ahead.map(({ length }) => Math.round(length / GET_BYTES_MAX))).toEqual([1, 1]);
    while (next < history.end) {
      await consume();
      const held = reader.source.ranges.bytes;
      expect(held).toBeLessThanOrEqual(56 * MIB);
    }
    // The consumer asked for about 36 MiB, nearly all of it in GETs of 4 MiB or the rest of a segment.
    expect(history.gets.filter(({ length }) => length > 200_000).length).toBeLessThan(18);
  });

  it('reads no further than the history goes, and leaves errors to the consumer', async () => {
    const history = longHistory();
    history.objects.delete(history.parts[1]!.key);
    const reader = history.reader({ readsAhead: true });
    for (const from of [90, 100, 110]) {
      await history.fetch(reader, from, MIB, 120);
      await settle();
    }
    expect(history.gets.filter(({ key }) => key !== history.parts[0]!.key)).toEqual([]);
    expect((await history.fetch(reader, 119, MIB, 240)).length).toBe(1);
    await expect(history.fetch(reader, 120, MIB, 240)).rejects.toThrow('is missing');
  });

  it('is for as many partitions as the cache has room for', async () => {
    const history = longHistory();
    const reader = history.reader({ readsAhead: true, cacheBytes: 4 * MIB });
    await history.fetch(reader, 0, MIB);
    const before = history.gets.length;
    await history.fetch(reader, 10, MIB);
    await settle();
    expect(history.gets.length).toBe(before + 1);
  });
});
