import { beforeEach, describe, expect, it } from 'vitest';
import { collectObject } from '../../../lib/segments/collect-object.ts';
import { buildSegmentSet } from '../../../lib/segments/format/segment-set.ts';
import { retainJournal } from '../../../lib/segments/retain.ts';
import { partitionSegmentKey, segmentSetKey } from '../../../lib/storage/items/segment-object.ts';
import { createWorld, FOREVER, HOUR, JOURNAL, type Process, type World } from '../journal/world.ts';
import { appendTo, dueNames, endingOf, objectKeys, sealAll } from './ending-world.ts';
import { contentOf } from './format/contents.ts';
import { indexOf, stored, TOPIC } from './index-world.ts';

const DAY = 24 * HOUR;
const WEEK = { deletes: true, retentionMs: 7 * DAY, retentionBytes: -1 };

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

const environment = (by = process) => ({
  journals: by.journals,
  ...endingOf(by),
  journalOf: async (topicId: string) => (topicId === TOPIC ? JOURNAL : undefined),
});

/** One look; what it did, and when it wants to look again. */
async function look(name: string, by = process) {
  const { next, counts = {} } = await world.run(collectObject(environment(by), name));
  return { did: Object.keys(counts), next };
}

/** Looks until the object is gone or nothing is due for it; what the looks did. */
async function looks(key: string): Promise<string[]> {
  const did: string[] = [];
  for (let name = key; ; ) {
    const { did: now } = await look(name);
    did.push(...now);
    if (!now.includes('unnamed')) return did;
    name = `${key}!`;
    await world.clock.advance(HOUR + 1);
  }
}

const isThere = (key: string) => objectKeys(world).includes(key);

/** Stores an object with records [from, from + 10) of each partition that no entry names. */
async function put(key: string, from = 0, partitions = [0]): Promise<void> {
  const timestamps = Array.from({ length: 10 }, () => 1);
  const contents = partitions.map((number) => contentOf([{ kind: 'data', timestamps, valueBytes: 3 }], number, from));
  await world.run(process.stores.blobs.put(key, buildSegmentSet(contents, { key }).chunks));
}

describe('an object that nothing names', () => {
  const key = segmentSetKey(JOURNAL, 5, 'stray');

  it('goes after two looks, an hour apart, once nothing can name it any more', async () => {
    await put(key);
    const { next, did } = await look(key);
    expect([did, next! - world.clock.now()]).toEqual([[], 85 * 60_000 + 1_000]);
    await world.clock.advance(90 * 60_000);
    expect((await look(key)).did).toEqual(['unnamed']);
    expect(dueNames(world)).toEqual([`object/${key}!`]);
    expect(isThere(key)).toBe(true);
    await world.clock.advance(HOUR + 1);
    expect((await look(`${key}!`)).did).toEqual(['deletedObjects']);
    expect(isThere(key)).toBe(false);
    expect((await look(`${key}!`)).did).toEqual(['gone']);
  });

  it('of a topic that does not exist goes', async () => {
    const gone = segmentSetKey('gone/0', 5, 'n');
    const merged = partitionSegmentKey('gone', 2, 0, 'n');
    await put(gone);
    await put(merged);
    await world.clock.advance(2 * HOUR);
    expect(await looks(gone)).toEqual(['unnamed', 'deletedObjects']);
    expect(await looks(merged)).toEqual(['unnamed', 'deletedObjects']);
  });

  it('stays if it cannot be read', async () => {
    await world.run(process.stores.blobs.put(key, [Buffer.alloc(100, 'x')]));
    await world.clock.advance(2 * HOUR);
    expect(await look(key)).toEqual({ did: ['damaged'], next: world.clock.now() + DAY });
    expect(isThere(key)).toBe(true);
    expect(process.lines).toMatchObject([{ event: 'segment_object_unreadable', object: key }]);
  });

  it('stays if its key is not one of segments', async () => {
    await world.run(process.stores.blobs.put('other/thing', [Buffer.from('x')]));
    await world.clock.advance(2 * HOUR);
    expect((await look('other/thing')).did).toEqual(['foreign']);
    expect(isThere('other/thing')).toBe(true);
  });
});

describe('a segment set', () => {
  it('is named by its items, until all of them are gone', async () => {
    await appendTo(world, process, [
      { records: 3 },
      { partition: 1, records: 3, timestamp: world.clock.now() + 2 * DAY },
    ]);
    const key = await sealAll(world, process, {});
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await world.clock.advance(8 * DAY);
    const retain = async () =>
      world.run(retainJournal(endingOf(process), await world.run(process.open()), WEEK, FOREVER));
    expect((await retain()).counts.items).toBe(2);
    // Partition 1 still has its segment.
    expect(await looks(key)).toEqual(['named']);
    await world.clock.advance(2 * DAY);
    expect((await retain()).counts.items).toBe(1);
    expect(await looks(key)).toEqual(['unnamed', 'deletedObjects']);
  });

  it('is named by the newest seal, although its items are missing', async () => {
    await appendTo(world, process, [{ records: 3 }]);
    const key = await sealAll(world, process, { withoutItems: true });
    await world.clock.advance(2 * HOUR);
    expect(await looks(key)).toEqual(['named']);
    await world.clock.advance(8 * DAY);
    await world.run(retainJournal(endingOf(process), await world.run(process.open()), WEEK, FOREVER));
    expect(await looks(key)).toEqual(['unnamed', 'deletedObjects']);
  });

  it('is named by a replaced segment until no put of that can land, and then the item goes', async () => {
    await appendTo(world, process, [{ records: 10 }]);
    await sealAll(world, process);
    await appendTo(world, process, [{ records: 10 }]);
    const second = await sealAll(world, process);
    await appendTo(world, process, [{ records: 1 }]);
    await sealAll(world, process);
    await world.clock.advance(HOUR);
    const { merged } = await replaceBoth();
    const states = () => stored(world).map(({ baseOffset, state }) => [baseOffset, state]);
    const before = states();
    expect(before).toContainEqual([10, 'replaced']);
    await world.clock.advance(75 * 60_000);
    expect(await look(second)).toEqual({ did: [], next: world.clock.now() + HOUR });
    expect(states()).toEqual(before);
    await world.clock.advance(HOUR);
    expect(await looks(second)).toEqual(['unnamed', 'deletedObjects']);
    expect(states()).toEqual(before.filter(([, state]) => state === 'live'));
    expect([isThere(merged), isThere(second)]).toEqual([true, false]);
  });

  it('of a closed journal is left to the deletion of the topic', async () => {
    const key = segmentSetKey(JOURNAL, 5, 'stray');
    await put(key);
    const { writer } = await world.run(process.open());
    await world.run(writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER));
    await world.clock.advance(2 * HOUR);
    expect(await looks(key)).toEqual(['named']);
  });
});

/** Replaces the segments of offsets 0 to 20 of partition 0 by one. */
async function replaceBoth(withItems = true) {
  const merged = partitionSegmentKey(TOPIC, 0, 0, 'merged');
  const timestamps = Array.from({ length: 20 }, () => 1);
  const set = buildSegmentSet([contentOf([{ kind: 'data', timestamps, valueBytes: 3 }])], { key: merged });
  await world.run(process.stores.blobs.put(merged, set.chunks));
  const { writer, journal } = await world.run(process.open());
  const range = { partition: 0, baseOffset: 0, nextOffset: 20, key: merged, parts: set.parts };
  const entry = { kind: 'replace', ...range, removedSegments: 2, removedBytes: 1 } as const;
  await world.run(writer.appendEntry((_, time) => ({ ...entry, time }), FOREVER));
  const index = indexOf(process);
  const seq = journal.view.partitions.get(0)!.replacedSeq;
  if (withItems) {
    await world.run(index.writeReplace(JOURNAL, { ...range, seq, time: journal.view.time }, world.clock.now()));
  }
  return { merged, index };
}

describe('a merged object', () => {
  beforeEach(async () => {
    for (let count = 0; count < 3; count++) {
      await appendTo(world, process, [{ records: 10 }]);
      await sealAll(world, process);
    }
  });

  it('is named by its entry, although its items are missing', async () => {
    const { merged } = await replaceBoth(false);
    await world.clock.advance(2 * HOUR);
    expect(await looks(merged)).toEqual(['named']);
  });

  it('is not decided about while a seal is near, which writes the items of the entries before it', async () => {
    const { merged } = await replaceBoth(false);
    await appendTo(world, process, [{}]);
    await world.clock.advance(2 * HOUR);
    expect(await look(merged)).toEqual({ did: [], next: world.clock.now() + HOUR });
  });

  it('goes if no entry has named it', async () => {
    const stray = partitionSegmentKey(TOPIC, 0, 0, 'stray');
    await put(stray);
    await replaceBoth();
    await world.clock.advance(2 * HOUR);
    expect(await looks(stray)).toEqual(['unnamed', 'deletedObjects']);
  });
});
