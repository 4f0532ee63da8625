import { beforeEach, describe, expect, it } from 'vitest';
import { createJournal } from '../../../lib/journal/create.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { type CollectedWal, collectWal, SeenWal } from '../../../lib/segments/collect-wal.ts';
import { walKey } from '../../../lib/storage/items/wal-object.ts';
import { createWorld, FOREVER, HOUR, JOURNAL, MINUTE, type Process, T0, type World } from '../journal/world.ts';
import { appendTo, objectKeys, sealAll } from './ending-world.ts';

const GRACE = 2 * HOUR;
const LIMITS = { graceMs: GRACE, everyMs: 0 };
const OTHER = 'topic/1';

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  // Every batch goes into a WAL object.
  process = world.process({ tier: { inlineMaxBytes: 0 } });
});

function collect(by = process, cursor?: string, limits = LIMITS, deadline = FOREVER): Promise<CollectedWal> {
  return world.run(collectWal(by.journals, new UnreadableItems(by.env.logger), limits, cursor, deadline));
}

const objects = () => objectKeys(world, 'wal/');

/** Records, then two seals; the first one covers the records. */
async function sealTwice(journal = JOURNAL): Promise<void> {
  for (let count = 0; count < 2; count++) {
    await world.clock.advance(20 * MINUTE);
    await appendTo(world, process, [{ text: 'later' }], journal);
    await sealAll(world, process, { journal });
  }
}

describe('a WAL object', () => {
  it('goes once a later entry may be deleted, and the grace period is over', async () => {
    await appendTo(world, process, [{}]);
    const [first] = objects();
    await sealTwice();
    await world.clock.advance(GRACE - MINUTE * 50);
    expect((await collect()).counts).toMatchObject({ deleted: 0, looked: 0 });
    await world.clock.advance(HOUR);
    const { isComplete, counts } = await collect();
    expect([isComplete, counts]).toEqual([true, { looked: 3, deleted: 1, inUse: 2, withoutHeader: 0, skipped: 0 }]);
    expect(objects()).not.toContain(first);
    expect(objects()).toHaveLength(2);
  });

  it('stays while its entry is not sealed, and after one seal', async () => {
    await appendTo(world, process, [{}]);
    await world.clock.advance(30 * 24 * HOUR);
    expect((await collect()).counts).toMatchObject({ inUse: 1, deleted: 0 });
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await world.clock.advance(30 * 24 * HOUR);
    expect((await collect()).counts).toMatchObject({ inUse: 2, deleted: 0 });
  });

  it('stays until an entry that is later by more than the time in which it may be named', async () => {
    const [key] = await orphan(JOURNAL);
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await world.clock.advance(9 * MINUTE);
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).toContain(key);
    await sealTwice();
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).not.toContain(key);
  });

  it('has its header read once while it is in use', async () => {
    await appendTo(world, process, [{}]);
    const seen = new SeenWal();
    const look = () => {
      const unreadable = new UnreadableItems(process.env.logger);
      return world.run(collectWal(process.journals, unreadable, LIMITS, undefined, FOREVER, seen));
    };
    await world.clock.advance(30 * 24 * HOUR);
    process.calls.length = 0;
    for (let pass = 0; pass < 3; pass++) expect((await look()).counts).toMatchObject({ inUse: 1 });
    expect(process.count('blobs.getRange')).toBe(1);
    await sealTwice();
    await world.clock.advance(30 * 24 * HOUR);
    process.calls.length = 0;
    expect((await look()).counts).toMatchObject({ looked: 3, deleted: 1 });
    // Those of the two later objects.
    expect(process.count('blobs.getRange')).toBe(2);
  });

  it('of several journals waits for each of them', async () => {
    await createJournal(process.env, OTHER, T0);
    await appendTo(world, process, [{}], OTHER);
    const [key] = await orphan(JOURNAL, OTHER);
    await sealTwice();
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).toContain(key);
    await sealTwice(OTHER);
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).not.toContain(key);
  });

  it('goes when its journal has no batch at all and no entry can name it any more', async () => {
    const [key] = await orphan(JOURNAL);
    await world.clock.advance(24 * MINUTE);
    await collect(process, undefined, { graceMs: 0, everyMs: 0 });
    expect(objects()).toContain(key);
    await world.clock.advance(GRACE);
    await collect();
    expect(objects()).toEqual([]);
  });

  it('goes when its journal is closed, or was never there', async () => {
    await appendTo(world, process, [{}]);
    const [key] = await orphan(JOURNAL, 'gone/0');
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).toContain(key);
    const { writer } = await world.run(process.open());
    await world.run(writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER));
    await collect();
    expect(objects()).not.toContain(key);
  });

  it('of the first format stays, and is counted', async () => {
    const key = `wal/${String(T0).padStart(15, '0')}-old`;
    await world.run(process.stores.blobs.put(key, [Buffer.from('batches')]));
    await world.clock.advance(GRACE * 2);
    expect((await collect()).counts).toMatchObject({ looked: 1, withoutHeader: 1 });
    expect(objects()).toEqual([key]);
  });

  it('that is damaged stays, is counted, and keeps no other from going', async () => {
    const bad = walKey(T0, 'bad');
    await world.run(process.stores.blobs.put(bad, [Buffer.from('TWAL? no')]));
    const [good] = await orphan('gone/0');
    await world.clock.advance(GRACE * 2);
    expect((await collect()).counts).toMatchObject({ looked: 2, skipped: 1, deleted: 1 });
    expect(objects()).toEqual([bad]);
    expect(objects()).not.toContain(good);
    expect(process.lines).toMatchObject([{ event: 'item_passed_over', item: bad }]);
  });

  it('with a header of many journals is read as a whole', async () => {
    const [key] = await orphan(...Array.from({ length: 500 }, (_, at) => `gone-${'x'.repeat(20)}-${at}/0`));
    await world.clock.advance(GRACE * 2);
    await collect();
    expect(objects()).not.toContain(key);
  });
});

/** An object with a stretch of each journal that no entry names. */
async function orphan(...journals: string[]): Promise<string[]> {
  const before = new Set(objects());
  const { wal } = world.process({ wal: { lingerMs: 10 } }).env;
  await world.run(Promise.all(journals.map((journal) => wal.write(journal, [Buffer.from('bytes')]))));
  return objects().filter((key) => !before.has(key));
}

describe('a pass', () => {
  it('lists no more of a hash than its old objects', async () => {
    await orphan('gone/0');
    await world.clock.advance(GRACE * 2);
    for (let count = 0; count < 20; count++) await appendTo(world, process, [{}]);
    process.calls.length = 0;
    expect((await collect()).counts).toMatchObject({ looked: 1, deleted: 1 });
    expect(process.count('blobs.getRange')).toBe(1);
  });

  it('begins again after a while, and makes no call before', async () => {
    await orphan('gone/0');
    const { cursor } = await collect(process, undefined, { ...LIMITS, everyMs: HOUR });
    await world.clock.advance(HOUR / 2);
    process.calls.length = 0;
    expect(await collect(process, cursor)).toMatchObject({ cursor, isComplete: true, counts: { looked: 0 } });
    expect(process.calls).toEqual([]);
    await world.clock.advance(GRACE);
    expect((await collect(process, cursor)).counts).toMatchObject({ deleted: 1 });
  });

  it('ends at the deadline, and goes on behind what it has looked at', async () => {
    for (let count = 0; count < 40; count++) await orphan('gone/0');
    await world.clock.advance(GRACE * 2);
    process.faults = ({ operation }) => (operation === 'getRange' ? { delayAfterMs: 1_000 } : undefined);
    const { cursor, isComplete, counts } = await collect(process, undefined, LIMITS, world.clock.monotonic() + 500);
    expect([isComplete, counts.deleted]).toEqual([false, 16]);
    expect((await collect(process, cursor)).counts.deleted).toBe(24);
    expect(objects()).toEqual([]);
  });

  it('ends with an error of the store, and a later one goes on', async () => {
    await orphan('gone/0');
    await world.clock.advance(GRACE * 2);
    process.faults = ({ store, operation }) =>
      store === 'blobs' && operation === 'delete' ? { refuse: 'unavailable' } : undefined;
    await expect(collect()).rejects.toThrow('refused');
    process.faults = () => undefined;
    expect((await collect()).counts.deleted).toBe(1);
  });
});

it('no object that an entry needs is ever deleted', async () => {
  for (let round = 0; round < 12; round++) {
    await appendTo(world, process, [{ text: `r${round}` }]);
    if (round % 2 === 1) await sealAll(world, process);
    await world.clock.advance(HOUR);
    await collect();
    const { journal } = await world.run(world.process().open());
    const needed = world
      .entries()
      .flatMap((entry, seq) =>
        'payload' in entry && entry.payload.kind === 'wal' ? [{ seq, key: entry.payload.key }] : [],
      )
      .filter(({ seq }) => seq > journal.view.trimmableSeq)
      .map(({ key }) => key);
    expect(objects()).toEqual(expect.arrayContaining(needed));
  }
  expect(objects().length).toBeLessThan(8);
});
