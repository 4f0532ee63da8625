import { beforeEach, describe, expect, it } from 'vitest';
import { trimJournal, withMark } from '../../../lib/segments/trim.ts';
import { checkpointPk } from '../../../lib/storage/items/checkpoint.ts';
import { slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTrim, encodeTrim, type TrimMark, trimPk } from '../../../lib/storage/items/trim.ts';
import { createWorld, FOREVER, HOUR, JOURNAL, MINUTE, type Process, type World } from '../journal/world.ts';
import { crashAtEachCall } from './crashes.ts';
import { appendTo, sealAll } from './ending-world.ts';

const GRACE = 2 * HOUR;

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

const slots = (its = world): number[] => its.stores.contents().journal.map(({ sk }) => slotOf(sk));

async function trim(by = process, deadline = FOREVER) {
  return world.run(trimJournal(await world.run(by.open()), GRACE, deadline));
}

/** Slots 1 to 5, their seal in slot 6; slots 7 to 11 and their seal in slot 12. */
async function twoSeals(its = world, by = process): Promise<void> {
  for (let count = 0; count < 2; count++) {
    await appendTo(
      its,
      by,
      Array.from({ length: 5 }, () => ({})),
    );
    await sealAll(its, by);
    await its.clock.advance(MINUTE);
  }
}

describe('the entries of a journal', () => {
  it('go up to the seal before the newest one, after the grace period', async () => {
    await twoSeals();
    expect(await trim()).toMatchObject({ isComplete: true, counts: { entries: 0 } });
    await world.clock.advance(GRACE - 2 * MINUTE);
    expect((await trim()).counts.entries).toBe(0);
    await world.clock.advance(2 * MINUTE);
    expect(await trim()).toEqual({ isComplete: true, nextAt: undefined, counts: { entries: 6 } });
    expect(slots()).toEqual([6, 7, 8, 9, 10, 11, 12]);
    expect((await trim()).counts.entries).toBe(0);
  });

  it('stay after one seal: its items may be missing until the next one', async () => {
    await appendTo(world, process, [{}, {}]);
    await sealAll(world, process);
    await world.clock.advance(30 * 24 * HOUR);
    expect(await trim()).toEqual({ isComplete: true, nextAt: undefined, counts: { entries: 0 } });
    expect(slots()).toEqual([0, 1, 2, 3]);
  });

  it('can be read by a process that comes after, and appended to', async () => {
    await twoSeals();
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    await trim();
    const other = world.process();
    await appendTo(world, other, [{}]);
    const { journal } = await world.run(other.open());
    expect(journal.view).toMatchObject({ seq: 13, sealedSeq: 11, trimmableSeq: 5 });
    expect(journal.view.partitions.get(0)).toMatchObject({ nextOffset: 11, sealedOffset: 10 });
  });

  it('go while seals come more often than the grace period is long', async () => {
    for (let count = 0; count < 12; count++) {
      await appendTo(world, process, [{}]);
      await sealAll(world, process);
      await trim();
      await world.clock.advance(HOUR / 2);
    }
    // Odd slots hold records, even ones their seals. The seal in slot 14 is the last one that is older
    // than the grace period; the one before it goes up to slot 11.
    expect(slots()[0]).toBe(12);
    expect(slots().at(-1)).toBe(24);
  });

  it('stay without a checkpoint, which is written first', async () => {
    await twoSeals();
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    const checkpoint = checkpointPk(JOURNAL);
    process.faults = ({ key, operation }) =>
      key === checkpoint && operation === 'put' ? { refuse: 'unavailable' } : undefined;
    expect(await trim()).toMatchObject({ isComplete: false, counts: { entries: 0 } });
    expect(slots()[0]).toBe(0);
    process.faults = () => undefined;
    expect((await trim()).counts.entries).toBe(6);
    expect(world.stores.contents().state.find(({ pk }) => pk === checkpoint)!.version).toBe(12);
  });

  it('go no further than the slot before the checkpoint', async () => {
    await twoSeals();
    await trim();
    const { checkpointer } = await world.run(process.open());
    await world.run(checkpointer.write());
    await world.clock.advance(GRACE + MINUTE);
    await trim();
    const version = world.stores.contents().state.find(({ pk }) => pk === checkpointPk(JOURNAL))!.version;
    expect(slots()[0]).toBeLessThan(version);
  });

  it('go in ascending order', async () => {
    await twoSeals();
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    process.calls.length = 0;
    await trim();
    const deleted = process.calls
      .filter(({ operation }) => operation === 'delete')
      .map(({ sortKey }) => slotOf(sortKey));
    expect(deleted).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('that are deleted are not asked for again', async () => {
    await twoSeals();
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    await trim();
    process.calls.length = 0;
    await trim();
    expect(process.calls.filter(({ operation }) => operation === 'delete')).toEqual([]);
  });

  it('end where the deadline comes, and go on there', async () => {
    await appendTo(
      world,
      process,
      Array.from({ length: 40 }, () => ({})),
    );
    await sealAll(world, process);
    await appendTo(world, process, [{}]);
    await sealAll(world, process);
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    process.faults = ({ operation }) => (operation === 'delete' ? { delayAfterMs: 1_000 } : undefined);
    const soon = () => world.clock.monotonic() + 500;
    expect(await trim(process, soon())).toMatchObject({ isComplete: false, counts: { entries: 16 } });
    expect(slots()[0]).toBe(16);
    expect(await trim(process, FOREVER)).toMatchObject({ isComplete: true, counts: { entries: 25 } });
  });

  it('of a grace period in which a put may still land cannot be deleted', async () => {
    await twoSeals();
    await expect(trimJournal(await world.run(process.open()), HOUR, FOREVER)).rejects.toThrow('cannot be deleted');
  });
});

describe('a writer with a view from before the deletion', () => {
  it('does not write into a slot that is free again', async () => {
    const frozen = world.process();
    await appendTo(world, process, [{}]);
    const { writer } = await world.run(frozen.open());
    await twoSeals();
    await trim();
    await world.clock.advance(GRACE + MINUTE);
    await trim();
    expect(slots()[0]).toBeGreaterThan(2);
    await appendTo(world, frozen, [{}]);
    expect(writer.idle).toBe(true);
    expect(slots().at(-1)).toBe(14);
  });
});

it('a crash at any call leaves a journal that can be read, and the next call finishes', async () => {
  const work = async (its: World, by: Process) =>
    its.run(trimJournal(await its.run(by.open()), GRACE, its.clock.monotonic() + MINUTE)).then((outcome) => {
      if (!outcome.isComplete) throw new Error('not complete');
    });
  const crashes = await crashAtEachCall({
    prepare: async (its, by) => {
      await twoSeals(its, by);
      await work(its, by);
      await its.clock.advance(GRACE + MINUTE);
    },
    work,
    afterCrash: async ({ world: its, how }) => {
      const { journal } = await its.run(its.process().open());
      expect(journal.view.partitions.get(0), how).toMatchObject({ nextOffset: 10, sealedOffset: 10 });
      expect(
        slots(its).filter((seq) => seq >= 6),
        how,
      ).toEqual([6, 7, 8, 9, 10, 11, 12]);
    },
    afterRepair: async ({ world: its, how }) => {
      expect(slots(its), how).toEqual([6, 7, 8, 9, 10, 11, 12]);
      const { journal } = await its.run(its.process().open());
      expect(journal.view, how).toMatchObject({ seq: 12, trimmableSeq: 5 });
    },
  });
  expect(crashes).toBeGreaterThan(20);
});

describe('the marks', () => {
  const mark = (at: number, upTo: number): TrimMark => ({ at, upTo });
  const record = (marks: TrimMark[], trimmedTo = -1) => ({ marks, trimmedTo });

  it('are at least a 64th of the grace period apart, except for the newest', () => {
    let marks: readonly TrimMark[] = [];
    for (let at = 0; at <= 6_400; at += 10) marks = withMark({ marks, trimmedTo: -1 }, mark(at, at), 6_400, at);
    expect(marks.length).toBeLessThan(70);
    expect(marks.length).toBeGreaterThan(60);
    expect(marks.at(-1)).toEqual(mark(6_400, 6_400));
  });

  it('that are ripe are one, the last', () => {
    expect(withMark(record([mark(1, 1), mark(2, 2), mark(50, 50)]), undefined, 10, 20)).toEqual([
      mark(2, 2),
      mark(50, 50),
    ]);
  });

  it('end once their entries are deleted', () => {
    expect(withMark(record([mark(1, 1), mark(2, 2)], 1), undefined, 10, 20)).toEqual([mark(2, 2)]);
  });

  it('are not taken twice', () => {
    expect(withMark(record([mark(1, 1)]), mark(1, 1), 10, 2)).toEqual([mark(1, 1)]);
    expect(withMark(record([], 5), mark(1, 5), 10, 2)).toEqual([]);
  });
});

it('the item of a journal is what it has always been', () => {
  const record = { trimmedTo: 299, marks: [{ at: 1_000, upTo: 5 }] };
  const bytes = encodeTrim(record).toString('hex');
  expect(bytes).toBe('01d60401e80705');
  expect(decodeTrim(Buffer.from(bytes, 'hex'))).toEqual(record);
  expect(decodeTrim(encodeTrim({ trimmedTo: -1, marks: [] }))).toEqual({ trimmedTo: -1, marks: [] });
  expect(() => decodeTrim(Buffer.of(9))).toThrow('trim item format 9');
  expect(trimPk(JOURNAL)).toBe('trim/topic/0');
});
