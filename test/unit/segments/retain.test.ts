import { beforeEach, describe, expect, it } from 'vitest';
import type { LogStartEntry } from '../../../lib/journal/entry.ts';
import type { RetentionLimits } from '../../../lib/segments/decide-retention.ts';
import { retainJournal } from '../../../lib/segments/retain.ts';
import { createWorld, FOREVER, HOUR, MINUTE, type Process, type World } from '../journal/world.ts';
import { crashAtEachCall } from './crashes.ts';
import { type Appended, appendTo, dueNames, endingOf, sealAll } from './ending-world.ts';
import { say, stored, TOPIC } from './index-world.ts';

const DAY = 24 * HOUR;
const WEEK: RetentionLimits = { deletes: true, retentionMs: 7 * DAY, retentionBytes: -1 };
const ALL: RetentionLimits = { ...WEEK, retentionMs: -1 };

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

async function retain(limits: RetentionLimits, by = process, deadline = FOREVER) {
  return world.run(retainJournal(endingOf(by), await world.run(by.open()), limits, deadline));
}

const append = (...batches: Appended[]) => appendTo(world, process, batches);
const seal = () => sealAll(world, process);
const partition = async (number = 0) => (await world.run(process.open())).journal.view.partitions.get(number)!;
const starts = (): LogStartEntry[] => world.entries().filter((entry) => entry.kind === 'logStart');

/** Three segments of ten records in partition 0, a day apart, and three records that are not sealed. */
async function threeDays(): Promise<string[]> {
  const keys: string[] = [];
  for (let day = 0; day < 3; day++) {
    await append({ records: 10 });
    keys.push(await seal());
    await world.clock.advance(DAY);
  }
  await append({ records: 3 });
  return keys;
}

describe('retention', () => {
  it('keeps a partition with an item that cannot be read, and goes on with the others', async () => {
    for (let day = 0; day < 2; day++) {
      await append({ records: 10 }, { partition: 1, records: 10 });
      await seal();
      await world.clock.advance(DAY);
    }
    const { state } = world.stores;
    const item = world.stores.contents().state.find(({ pk }) => pk === `segments/${TOPIC}/1`)!;
    const damaged = { ...item, body: Buffer.of(99), nonce: 'damaged' };
    await world.run(state.put(damaged, { kind: 'version', version: item.version }));
    await world.clock.advance(7 * DAY);
    const { isComplete, nextAt } = await retain(WEEK);
    expect({ isComplete, nextAt }).toEqual({ isComplete: true, nextAt: expect.any(Number) });
    expect(await partition(0)).toMatchObject({ logStartOffset: 20 });
    expect(await partition(1)).toMatchObject({ logStartOffset: 0 });
    expect(world.stores.contents().state.filter(({ pk }) => pk === item.pk)).toHaveLength(2);
  });

  it('does nothing while everything is kept, and says when the first record expires', async () => {
    await threeDays();
    const first = world.clock.now() - 3 * DAY;
    const { isComplete, nextAt, counts } = await retain(WEEK);
    expect([isComplete, counts]).toEqual([true, { starts: 0, segments: 0, items: 0 }]);
    expect(Math.abs(nextAt! - first - 7 * DAY)).toBeLessThan(MINUTE);
    expect(starts()).toEqual([]);
    expect(dueNames(world)).toEqual([]);
  });

  it('raises the log start, then removes the items, after their objects are on the due list', async () => {
    const keys = await threeDays();
    await world.clock.advance(5 * DAY + HOUR);
    expect((await retain(WEEK)).counts).toEqual({ starts: 1, segments: 2, items: 2 });
    expect(await partition()).toMatchObject({
      logStartOffset: 20,
      segmentsFrom: 20,
      segments: 1,
      sealedBytes: expect.any(Number),
    });
    expect(say(stored(world))).toEqual(['20-30@6']);
    expect(dueNames(world).sort()).toEqual([`object/${keys[0]}`, `object/${keys[1]}`]);
    expect((await retain(WEEK)).counts).toEqual({ starts: 0, segments: 0, items: 0 });
    expect(starts()).toHaveLength(1);
  });

  it('ends at the log end once the newest record has expired', async () => {
    await threeDays();
    await world.clock.advance(7 * DAY + HOUR);
    const { counts, nextAt } = await retain(WEEK);
    expect([counts, nextAt]).toEqual([{ starts: 1, segments: 3, items: 3 }, undefined]);
    expect(await partition()).toMatchObject({ logStartOffset: 33, nextOffset: 33, segments: 0, sealedBytes: 0 });
    expect(stored(world)).toEqual([]);
    expect((await retain(WEEK)).counts).toEqual({ starts: 0, segments: 0, items: 0 });
  });

  it('by size counts what is not sealed', async () => {
    await threeDays();
    const { sealedBytes, hotBytes } = await partition();
    const each = sealedBytes / 3;
    expect((await retain({ ...ALL, retentionBytes: 2 * each + hotBytes + 1 })).counts.segments).toBe(0);
    expect((await retain({ ...ALL, retentionBytes: 2 * each + hotBytes })).counts.segments).toBe(1);
    expect(await partition()).toMatchObject({ logStartOffset: 10, sealedBytes: 2 * each });
  });

  it('writes one entry for all partitions of a journal', async () => {
    await append(...Array.from({ length: 40 }, (_, number) => ({ partition: number, records: 2 })));
    await seal();
    await world.clock.advance(8 * DAY);
    await append({ partition: 3 });
    expect((await retain(WEEK)).counts).toEqual({ starts: 40, segments: 40, items: 40 });
    expect(starts()).toHaveLength(1);
    expect(starts()[0]!.starts.map((start) => start.partition)).toContain(39);
    expect(await partition(3)).toMatchObject({ logStartOffset: 2, nextOffset: 3 });
  });

  it('removes what DeleteRecords has ended, from a topic of any policy', async () => {
    await threeDays();
    const { writer } = await world.run(process.open());
    const entry = { kind: 'logStart', starts: [{ partition: 0, offset: 15 }] } as const;
    await world.run(writer.appendEntry((_, time) => ({ ...entry, time }), FOREVER));
    expect((await retain({ ...WEEK, deletes: false })).counts).toEqual({ starts: 1, segments: 1, items: 1 });
    expect(await partition()).toMatchObject({ logStartOffset: 15, segmentsFrom: 10, segments: 2 });
    expect(say(stored(world))).toEqual(['10-20@4', '20-30@6']);
  });

  it('removes no item of a segment that the journal still counts', async () => {
    await threeDays();
    const { writer } = await world.run(process.open());
    const entry = { kind: 'logStart', starts: [{ partition: 0, offset: 15 }] } as const;
    await world.run(writer.appendEntry((_, time) => ({ ...entry, time }), FOREVER));
    const slow = world.process();
    const open = await world.run(slow.open());
    slow.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { delayBeforeMs: 2_000 } : undefined;
    const late = retainJournal(endingOf(slow), open, WEEK, FOREVER);
    await world.clock.advance(500);
    await seal();
    expect(await world.run(late)).toMatchObject({ isComplete: false, counts: { starts: 0, items: 0 } });
    expect(stored(world)).toHaveLength(4);
    expect((await retain(WEEK)).counts).toEqual({ starts: 1, segments: 1, items: 1 });
  });

  it('ends the newest seal although its items are missing', async () => {
    await append({ records: 10 });
    await sealAll(world, process, { withoutItems: true });
    await world.clock.advance(8 * DAY);
    expect((await retain(WEEK)).counts).toEqual({ starts: 1, segments: 1, items: 0 });
    expect(await partition()).toMatchObject({ logStartOffset: 10, segments: 0 });
  });

  it('takes many segments in pages', async () => {
    for (let count = 0; count < 40; count++) {
      await append({ records: 1 });
      await seal();
    }
    await world.clock.advance(8 * DAY);
    expect((await retain(WEEK)).counts).toEqual({ starts: 1, segments: 40, items: 40 });
    expect(stored(world)).toEqual([]);
  });

  it('is not applied to a journal that is closed', async () => {
    await threeDays();
    const { writer } = await world.run(process.open());
    await world.run(writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER));
    await world.clock.advance(30 * DAY);
    expect((await retain(WEEK)).counts.starts).toBe(0);
    expect(stored(world)).toHaveLength(3);
  });

  it('decides again if others have sealed or raised the log start meanwhile', async () => {
    await threeDays();
    await world.clock.advance(5 * DAY + HOUR);
    const slow = world.process();
    const open = await world.run(slow.open());
    slow.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { delayBeforeMs: 2_000 } : undefined;
    const late = retainJournal(endingOf(slow), open, WEEK, FOREVER);
    await world.clock.advance(500);
    expect((await retain(WEEK)).counts.segments).toBe(2);
    expect(await world.run(late)).toMatchObject({ isComplete: false, counts: { starts: 0, segments: 0 } });
    expect(await partition()).toMatchObject({ segments: 1, logStartOffset: 20 });
  });
});

describe('a crash at any call', () => {
  it('leaves every record above the log start in an item, and the next call finishes', async () => {
    const crashes = await crashAtEachCall({
      prepare: async (its, by) => {
        for (let day = 0; day < 3; day++) {
          await appendTo(its, by, [{ records: 10 }, { partition: 1, records: 5 }]);
          await sealAll(its, by);
          await its.clock.advance(DAY);
        }
        await its.clock.advance(5 * DAY + HOUR);
      },
      work: async (its, by) =>
        its.run(retainJournal(endingOf(by), await its.run(by.open()), WEEK, its.clock.monotonic() + MINUTE)),
      afterCrash: async ({ world: its, how }) => {
        const { journal } = await its.run(its.process().open());
        for (const number of [0, 1]) {
          const start = journal.view.partitions.get(number)!.segmentsFrom;
          const live = stored(its, number).filter(({ nextOffset }) => nextOffset > start);
          expect(
            live.map(({ baseOffset }) => baseOffset),
            how,
          ).toEqual([0, 1, 2].map((at) => at * (number === 0 ? 10 : 5)).filter((base) => base >= start));
        }
        // Of every item that is gone, the object is on the due list.
        const due = dueNames(its);
        for (let at = 0; at < 3; at++) {
          const isGone = stored(its).every(({ baseOffset }) => baseOffset !== at * 10);
          if (isGone) expect(due.length, how).toBeGreaterThan(0);
        }
      },
      afterRepair: async ({ world: its, how }) => {
        const { journal } = await its.run(its.process().open());
        expect(say(stored(its)), how).toEqual(['20-30@9']);
        expect(say(stored(its, 1)), how).toEqual(['10-15@9']);
        for (const [number, size] of [
          [0, 10],
          [1, 5],
        ] as const) {
          expect(journal.view.partitions.get(number), how).toMatchObject({
            logStartOffset: 2 * size,
            segmentsFrom: 2 * size,
            segments: 1,
          });
        }
        expect(new Set(dueNames(its)).size, how).toBe(2);
      },
    });
    expect(crashes).toBeGreaterThan(20);
  });
});

it('asks nothing of a partition that was never sealed', async () => {
  await append({ records: 10 });
  process.calls.length = 0;
  await retain(WEEK);
  expect(process.calls.filter(({ key }) => key.startsWith(`segments/${TOPIC}`))).toEqual([]);
});
