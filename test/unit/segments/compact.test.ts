import { beforeEach, describe, expect, it } from 'vitest';
import { ENTRY_BYTES } from '../../../lib/segments/clean/offset-map.ts';
import { createWorld, HOUR, MINUTE, T0, type World } from '../journal/world.ts';
import {
  CONFIG,
  compacting,
  end,
  LIMITS,
  left,
  type Producer,
  seal,
  sealed,
  sealerOf,
  tableOf,
  write,
} from './compact-world.ts';
import { crashAtEachCall } from './crashes.ts';
import { stored } from './index-world.ts';
import { dueList, type Sealer, segmentObjects, startSealer, TOPIC } from './seal-world.ts';

let world: World;
let sealer: Sealer;

beforeEach(async () => {
  world = await createWorld();
  sealer = await startSealer(world);
});

const run = (...args: [Parameters<typeof compacting>[1]?, number?]) => world.run(compacting(sealer, ...args));
const partition = () => sealer.open.journal.view.partitions.get(0)!;
/** The live segments: base and next offset, `c` for a clean one. */
const live = () =>
  stored(world)
    .filter(({ state }) => state === 'live')
    .map(({ baseOffset, nextOffset, cleanedAt }) => `${baseOffset}-${nextOffset}${cleanedAt === undefined ? '' : 'c'}`);

describe('compactPartition', () => {
  it('leaves the newest record of each key below the newest seal, as one segment', async () => {
    await sealed(world, sealer, 'a=1 b=1', 'a=2 c=1', 'c=2 b=2', 'a=3');
    const before = sealer.open.journal.view.seq;
    expect(await run()).toMatchObject({ kind: 'cleaned', counts: { recordsRead: 6, recordsKept: 3 } });
    // The newest seal is still read from entries.
    expect(await left(world, sealer)).toEqual(['2 a=2', '4 c=2', '5 b=2', '6 a=3']);
    expect(live()).toEqual(['0-6c', '6-7']);
    expect(sealer.open.journal.view.seq).toBe(before + 1);
    expect(partition()).toMatchObject({ segments: 2, replacedSeq: before + 1 });
    expect(partition().sealedBytes).toBe(
      stored(world).reduce((sum, { state, log }) => sum + (state === 'live' ? log.length : 0), 0),
    );
    expect(sealer.process.lines.at(-1)).toMatchObject({
      event: 'compacted',
      partition: 0,
      recordsRead: 6,
      recordsKept: 3,
    });
    const [first] = stored(world);
    expect(first!.key).toMatch(new RegExp(`^segment/${TOPIC}/p0/0{16}-`));
  });

  it('puts the objects that are no longer named on the due list', async () => {
    await sealed(world, sealer, 'a=1', 'a=2', 'a=3');
    const old = segmentObjects(world);
    await run();
    expect(dueList(world).map((sk) => sk.split('/object/')[1])).toEqual(old.slice(0, 2));
  });

  it('has nothing to do until there is something new, and then joins it to what is clean', async () => {
    await sealed(world, sealer, 'a=1 b=1', 'a=2', 'x=1');
    await run();
    expect(await run()).toEqual({ kind: 'nothingDue' });
    await sealed(world, sealer, 'b=2', 'y=1');
    expect(await run()).toMatchObject({ kind: 'cleaned' });
    expect(await left(world, sealer)).toEqual(['2 a=2', '3 x=1', '4 b=2', '5 y=1']);
    expect(live()).toEqual(['0-5c', '5-6']);
  });

  it('waits for the dirty ratio and the lags', async () => {
    await sealed(world, sealer, 'a=1', 'a=2', 'a=3');
    await run();
    await sealed(world, sealer, 'b=1');
    const config = { ...CONFIG, minCleanableDirtyRatio: 0.6 };
    expect(await run({ config })).toEqual({ kind: 'nothingDue' });
    expect(await run({ config: { ...config, minCompactionLagMs: HOUR, maxCompactionLagMs: 1 } })).toEqual({
      kind: 'nothingDue',
      nextAt: T0 + HOUR,
    });
    await world.clock.advance(1_000);
    expect(await run({ config: { ...config, maxCompactionLagMs: 500 } })).toMatchObject({ kind: 'cleaned' });
  });

  it('is due once any dirty segment begins with a record that has waited for the longest lag', async () => {
    await sealed(world, sealer, 'a=1', 'a=2');
    await run();
    for (const age of [0, 2 * HOUR, HOUR]) {
      await write(world, sealer, `b=${age}`, undefined, T0 - age);
      await seal(world, sealer);
    }
    await sealed(world, sealer, 'z=1');
    const config = { ...CONFIG, minCleanableDirtyRatio: 1, maxCompactionLagMs: 3 * HOUR };
    sealer.process.calls.length = 0;
    expect(await run({ config })).toEqual({ kind: 'nothingDue', nextAt: T0 + HOUR + 1 });
    // Of each dirty segment the first header, and no more.
    expect(sealer.process.count('blobs.getRange')).toBe(4);
    await world.clock.advance(HOUR);
    expect(await run({ config })).toMatchObject({ kind: 'nothingDue' });
    await world.clock.advance(1);
    expect(await run({ config })).toMatchObject({ kind: 'cleaned' });
  });

  it('keeps time to rewrite segments although all of it would go to the map', async () => {
    await sealed(world, sealer, 'a=1', 'a=2', 'b=1', 'a=3', 'b=2', 'c=1', 'z=1');
    const config = { ...CONFIG, segmentBytes: 1 };
    sealer.process.faults = ({ store, operation }) =>
      store === 'blobs' && operation === 'getRange' ? { delayBeforeMs: 100 } : undefined;
    let cursor: { from: number; to: number } | undefined;
    let kind = 'interrupted';
    for (let steps = 0; steps < 20 && kind !== 'nothingDue'; steps++) {
      const outcome = await run({ config, ...(cursor && { cursor }) }, world.clock.monotonic() + 500);
      ({ kind } = outcome);
      cursor = outcome.kind === 'interrupted' ? outcome.cursor : undefined;
    }
    expect(kind).toBe('nothingDue');
    expect(live()).toEqual(['0-2c', '2-3c', '3-4c', '4-5c', '5-6c', '6-7']);
    expect(await left(world, sealer)).toEqual(['3 a=3', '4 b=2', '5 c=1', '6 z=1']);
  });

  it('leaves an object alone of which everything stays', async () => {
    await sealed(world, sealer, 'a=1', 'b=1', 'c=1');
    const config = { ...CONFIG, segmentBytes: 1 };
    await run({ config });
    expect(live()).toEqual(['0-1c', '1-2c', '2-3']);
    const objects = segmentObjects(world);
    await sealed(world, sealer, 'b=2', 'd=1');
    await run({ config });
    expect(live()).toEqual(['0-1c', '1-2c', '2-3c', '3-4c', '4-5']);
    expect(stored(world)[0]!.key).toBe(objects.find((key) => key.includes(`/p0/${'0'.repeat(16)}-`)));
    expect(await left(world, sealer)).toEqual(['0 a=1', '2 c=1', '3 b=2', '4 d=1']);
  });

  it('cleans in passes what has more keys than the map takes', async () => {
    await write(world, sealer, 'a=1 b=1 c=1');
    await write(world, sealer, 'd=1 e=1');
    await write(world, sealer, 'a=2 f=1');
    await seal(world, sealer);
    await sealed(world, sealer, 'b=2 g=1 h=1', 'z=1');
    // Four keys.
    const limits = { ...LIMITS, mapBytes: 5 * ENTRY_BYTES };
    await run({ limits });
    expect(live()).toEqual(['0-3c', '3-7', '7-10', '10-11']);
    expect(await left(world, sealer)).toHaveLength(11);
    for (let pass = 0; pass < 2; pass++) expect(await run({ limits })).toMatchObject({ kind: 'cleaned' });
    expect(await run({ limits })).toEqual({ kind: 'nothingDue' });
    expect(await left(world, sealer)).toEqual([
      '2 c=1',
      '3 d=1',
      '4 e=1',
      '5 a=2',
      '6 f=1',
      '7 b=2',
      '8 g=1',
      '9 h=1',
      '10 z=1',
    ]);
  });

  it('says so when the keys of one batch do not fit into the map', async () => {
    await sealed(world, sealer, 'a=1 b=1 c=1 d=1 e=1', 'z=1');
    const outcome = await run({ limits: { ...LIMITS, mapBytes: 5 * ENTRY_BYTES } });
    expect(outcome).toMatchObject({ kind: 'mapTooSmall', message: expect.stringContaining('offset 0') });
    expect(await left(world, sealer)).toHaveLength(6);
  });

  it('leaves everything as it was when a segment item cannot be read, and names it', async () => {
    await sealed(world, sealer, 'a=1 b=1', 'a=2', 'z=1');
    const entries = world.entries();
    const item = world.stores.contents().state.find(({ pk }) => pk.startsWith('segments/'))!;
    const damaged = { ...item, body: Buffer.of(99), nonce: 'damaged' };
    await world.run(world.stores.state.put(damaged, { kind: 'version', version: item.version }));
    const message = expect.stringContaining(`item ${item.pk}/${item.sk}`);
    expect(await run({})).toEqual({ kind: 'unreadable', message });
    expect(world.entries()).toEqual(entries);
  });

  it('goes on where its deadline came, object by object', async () => {
    await sealed(world, sealer, 'a=1 b=1', 'a=2 c=1', 'b=2 d=1', 'c=2 e=1', 'z=1');
    const config = { ...CONFIG, segmentBytes: 1 };
    sealer.process.faults = ({ store, operation }) =>
      store === 'blobs' && operation === 'put' ? { delayBeforeMs: 100 } : undefined;
    let cursor: { from: number; to: number } | undefined;
    let steps = 0;
    for (;;) {
      const outcome = await run({ config, ...(cursor && { cursor }) }, world.clock.monotonic() + 150);
      steps++;
      if (outcome.kind !== 'interrupted') {
        expect(outcome.kind).toBe('cleaned');
        break;
      }
      expect(outcome.cursor!.to).toBe(8);
      expect(outcome.cursor!.from).toBeGreaterThan(cursor?.from ?? 0);
      cursor = outcome.cursor;
    }
    expect(steps).toBeGreaterThan(1);
    expect(await left(world, sealer)).toEqual(['2 a=2', '4 b=2', '5 d=1', '6 c=2', '7 e=1', '8 z=1']);
    expect(live()).toEqual(['0-2c', '2-4c', '4-6c', '6-8c', '8-9']);
  });

  it('drops aborted records, wherever the transaction ended, and never passes the last stable offset', async () => {
    const one: Producer = { producerId: 1, sequence: 0 };
    const two: Producer = { producerId: 2, sequence: 0 };
    await sealed(world, sealer, 'a=1 b=1');
    await write(world, sealer, 'a=aborted', one);
    await seal(world, sealer);
    await write(world, sealer, 'c=open', two);
    await end(world, sealer, one, false);
    await seal(world, sealer);
    await sealed(world, sealer, 'b=2', 'z=1');
    await run();
    // The transaction that is open begins at offset 3, in the third segment.
    expect(await left(world, sealer)).toEqual(['0 a=1', '1 b=1', '3 c=open', '4 !', '5 b=2', '6 z=1']);
    expect(live()).toEqual(['0-3c', '3-5', '5-6', '6-7']);
    await end(world, sealer, two, true);
    await run();
    expect(await left(world, sealer)).toEqual(['0 a=1', '3 c=open', '4 !', '5 b=2', '6 z=1']);
  });

  it('leaves everything as it was when a batch is damaged, and names its place', async () => {
    await sealed(world, sealer, 'a=1', 'a=2', 'z=1');
    const [key] = segmentObjects(world);
    const { bytes } = (await world.run(sealer.process.stores.blobs.get(key!))) as { bytes: Buffer };
    const damaged = Buffer.from(bytes);
    // Inside of the first record.
    damaged[65]! ^= 1;
    await world.run(sealer.process.stores.blobs.put(key!, [damaged]));
    const before = live();
    expect(await run()).toMatchObject({
      kind: 'unreadable',
      message: expect.stringContaining(`object ${key}, byte 0`),
    });
    expect(sealer.process.lines.at(-1)).toMatchObject({ level: 'error', event: 'compaction_failed' });
    await world.run(sealer.process.stores.blobs.delete(key!));
    expect(await run()).toMatchObject({
      kind: 'unreadable',
      message: expect.stringContaining(`object ${key} is missing`),
    });
    expect(live()).toEqual(before);
  });

  it('may be done by two processes at once', async () => {
    await sealed(world, sealer, 'a=1 b=1', 'a=2 c=1', 'c=2', 'z=1');
    const other = await startSealer(world);
    const outcomes = await world.run(Promise.all([compacting(sealer), compacting(other)]));
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['cleaned', 'lost']);
    expect(await left(world, sealer)).toEqual(['1 b=1', '2 a=2', '4 c=2', '5 z=1']);
    expect(partition().segments).toBe(2);
  });

  it('leaves clean segments although its process died before their items were written', async () => {
    await sealed(world, sealer, 'a=1 b', 'a=2', 'c=1', 'z=1');
    sealer.process.faults = ({ store, operation, key }) =>
      store === 'state' && operation === 'put' && key.startsWith('segments/') ? { refuse: 'unavailable' } : undefined;
    const now = world.clock.now();
    expect(await run()).toMatchObject({ kind: 'cleaned' });
    expect(live()).toEqual(['0-2', '2-3', '3-4', '4-5']);
    const other = await startSealer(world);
    expect(await world.run(compacting(other))).toMatchObject({ kind: 'nothingDue' });
    expect(live()).toEqual(['0-4c', '4-5']);
    expect(stored(world)[0]).toMatchObject({ cleanedAt: now, deleteHorizon: now + CONFIG.deleteRetentionMs });
  });

  it('may die at any call: history stays readable, and another process completes it', async () => {
    const whole = tableOf(['0 a=1', '1 b=1', '2 a=2', '3 c=1', '4 c=2', '5 z=1']);
    const check = async (one: World, how: string) => {
      const records = await left(one, await startSealer(one));
      expect(tableOf(records), how).toEqual(whole);
    };
    const crashes = await crashAtEachCall({
      prepare: async (one) => sealed(one, await startSealer(one), 'a=1 b=1', 'a=2 c=1', 'c=2', 'z=1'),
      work: async (one, process) => {
        const starting = sealerOf(process);
        const outcome = await one.run(
          starting.then((found) => compacting(found, {}, one.clock.monotonic() + MINUTE)),
          24 * HOUR,
        );
        if (outcome.kind !== 'cleaned' && outcome.kind !== 'nothingDue') throw new Error(outcome.kind);
      },
      afterCrash: ({ world: one, how }) => check(one, how),
      afterRepair: async ({ world: one, how }) => {
        await check(one, how);
        const finished = await startSealer(one);
        const { segments, sealedBytes } = finished.open.journal.view.partitions.get(0)!;
        const items = stored(one).filter(({ state }) => state === 'live');
        expect([segments, sealedBytes], how).toEqual([
          items.length,
          items.reduce((sum, { log }) => sum + log.length, 0),
        ]);
        expect(await left(one, finished), how).toEqual(['1 b=1', '2 a=2', '4 c=2', '5 z=1']);
      },
    });
    expect(crashes).toBeGreaterThan(20);
  });
});
