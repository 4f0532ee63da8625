import { beforeEach, describe, expect, it } from 'vitest';
import type { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import type { LiveSegment } from '../../../lib/storage/items/segment.ts';
import { createWorld, FOREVER, HOUR, MINUTE, type Process, type World } from '../journal/world.ts';
import { crashAtEachCall } from './crashes.ts';
import {
  epochsOf,
  expectWhole,
  indexOf,
  JOURNAL,
  part,
  replacement,
  say,
  seal,
  sealed,
  stored,
  TOPIC,
} from './index-world.ts';

let world: World;
let one: Process;
let index: SegmentIndex;
beforeEach(async () => {
  world = await createWorld();
  one = world.process();
  index = indexOf(one);
});

const replace = (...args: Parameters<typeof replacement>) =>
  world.run(index.writeReplace(JOURNAL, replacement(...args), world.clock.now()));

describe('writeReplace', () => {
  it('merges segments: the first item is overwritten, the others lead to it', async () => {
    await sealed(world, index, [10, 20, 30, 40]);
    await replace(10, 10, 30);
    expect(say(stored(world))).toEqual(['0-10@1', '10-30@10', '20>10@10', '30-40@4']);
    const [, merged, old] = stored(world);
    expect(merged).toMatchObject({ key: 'segment/topic/p0/10', namedAt: 1_010, maxTimestampSoFar: 30 });
    expect(old).toMatchObject({ key: 'segment/topic/0/3', replacedAt: world.clock.now(), maxTimestampSoFar: 30 });
  });

  it('puts several segments in place of others with other bounds', async () => {
    await sealed(world, index, [10, 20, 30, 40]);
    await replace(10, 0, 5, 25, 30);
    expect(say(stored(world))).toEqual(['0-5@10', '5-25@10', '10>5@10', '20>5@10', '25-30@10', '30-40@4']);
  });

  it('keeps the epochs of the old segments', async () => {
    const epochs = [0, 10, 15, 25].map((startOffset, at) => ({ epoch: at * 2, startOffset }));
    for (const [at, base] of [0, 10, 20].entries()) {
      await world.run(index.writeSeal(JOURNAL, seal(at + 1, part(base, base + 10)), world.clock.now(), () => epochs));
    }
    await replace(10, 0, 12, 30);
    const [first, second] = stored(world).filter(({ state }) => state === 'live');
    expect([first!.epochs, second!.epochs]).toEqual([epochs.slice(0, 2), epochs.slice(1)]);
  });

  it('says which aborted transactions are known by what the old segments know', async () => {
    for (const [at, known] of [5, undefined, 30].entries()) {
      const one = seal(at + 1, part(at * 10, at * 10 + 10));
      await world.run(index.writeSeal(JOURNAL, one, world.clock.now(), epochsOf, () => known));
    }
    const known = () =>
      stored(world)
        .filter(({ state }) => state === 'live')
        .map(({ abortsKnownTo }) => abortsKnownTo);
    expect(known()).toEqual([5, undefined, 30]);
    await replace(10, 0, 8, 25, 30);
    expect(known()).toEqual([undefined, 5, 30]);
    await replace(11, 0, 30);
    expect(known()).toEqual([30]);
  });

  it('says when compaction wrote a segment', async () => {
    await sealed(world, index, [10]);
    const cleaned = { cleanedAt: 5, cleanTo: 10, deleteHorizon: 6 };
    await world.run(index.writeReplace(JOURNAL, { ...replacement(10, 0, 10), cleaned }, world.clock.now()));
    expect(stored(world)).toMatchObject([{ cleanedAt: 5, deleteHorizon: 6, seq: 10 }]);
  });

  it('does not touch what a later replacement has written', async () => {
    await sealed(world, index, [10, 20, 30]);
    await replace(10, 10, 30);
    await replace(11, 0, 30);
    const before = say(stored(world));
    await replace(10, 10, 30);
    expect(say(stored(world))).toEqual(before);
    await world.clock.advance(2 * HOUR);
    await world.run(index.removeReplaced(TOPIC, 0, 0, 30, { deadline: FOREVER }));
    await replace(10, 10, 30);
    expect(say(stored(world))).toEqual(['0-30@11']);
  });

  it('leaves an old segment that a later replacement of a part of its range needs', async () => {
    await sealed(world, index, [10, 20, 30, 40, 50, 60]);
    const before = one.count('state.put');
    one.faults = () => (one.count('state.put') > before + 2 ? { refuse: 'unavailable' } : undefined);
    const late = replacement(10, 0, 5, 25, 30, 60);
    await expect(world.run(index.writeReplace(JOURNAL, late, world.clock.now()))).rejects.toThrow();
    one.faults = () => undefined;
    await replace(11, 0, 20);
    await world.run(index.writeReplace(JOURNAL, late, world.clock.now()));
    await expectWhole(world, 'after both', 0, 60);
    expect(say(stored(world).filter(({ state }) => state === 'live'))).toEqual([
      ...['0-20@11', '20-30@3', '25-30@10', '30-60@10'],
    ]);
  });

  it('writes nothing where retention has removed the segments', async () => {
    await sealed(world, index, [10, 20, 30]);
    await world.run(index.remove(TOPIC, 0, 20, { deadline: FOREVER }));
    await replace(10, 0, 20);
    expect(say(stored(world))).toEqual(['20-30@3']);
  });

  it('refuses parts with a gap and leaves an old segment that reaches beyond the new ones', async () => {
    await sealed(world, index, [10, 20, 30]);
    const gap = { ...replacement(10, 0, 20), parts: [part(0, 5), part(6, 20)] };
    const short = { ...replacement(10, 0, 20), parts: [part(0, 19)] };
    for (const wrong of [gap, short]) {
      await expect(world.run(index.writeReplace(JOURNAL, wrong, world.clock.now()))).rejects.toThrow();
    }
    expect(say(stored(world))).toEqual(['0-10@1', '10-20@2', '20-30@3']);
    await replace(10, 0, 25);
    expect(say(stored(world))).toEqual(['0-25@10', '10>0@10', '20-30@3']);
    await expectWhole(world, 'with both', 0, 30);
  });

  it('signs no put an hour after the entry was seen', async () => {
    await sealed(world, index, [10, 20]);
    const seen = world.clock.now();
    await world.clock.advance(HOUR);
    await expect(world.run(index.writeReplace(JOURNAL, replacement(10, 0, 20), seen))).rejects.toThrow(
      'was not stored',
    );
    expect(say(stored(world))).toEqual(['0-10@1', '10-20@2']);
  });
});

describe('removal', () => {
  it('takes the segments wholly below the log start, and tells which before', async () => {
    await sealed(world, index, [10, 20, 30, 40]);
    const told: string[] = [];
    const beforeDelete = async (segments: readonly unknown[]) => {
      told.push(...say(segments as LiveSegment[]), `of ${stored(world).length}`);
    };
    const removed = await world.run(index.remove(TOPIC, 0, 25, { deadline: FOREVER, beforeDelete }));
    expect(removed).toEqual({ removed: 2, isComplete: true });
    expect(told).toEqual(['0-10@1', '10-20@2', 'of 4']);
    expect(say(stored(world))).toEqual(['20-30@3', '30-40@4']);
    expect(await world.run(index.remove(TOPIC, 0, 0, { deadline: FOREVER }))).toEqual({ removed: 0, isComplete: true });
  });

  it('deletes in order and ends at its deadline', async () => {
    await sealed(
      world,
      index,
      Array.from({ length: 300 }, (_, at) => at + 1),
    );
    one.faults = ({ operation }) => (operation === 'delete' ? { delayBeforeMs: 10 } : undefined);
    const deadline = world.clock.monotonic() + 100;
    expect(await world.run(index.remove(TOPIC, 0, 300, { deadline }))).toEqual({ removed: 250, isComplete: false });
    expect(say(stored(world))[0]).toBe('250-251@251');
    expect(await world.run(index.remove(TOPIC, 0, 300, { deadline: FOREVER }))).toEqual({
      removed: 50,
      isComplete: true,
    });
  });

  it('leaves what was replaced until no put of it can land', async () => {
    await sealed(world, index, [10, 20, 30]);
    await replace(10, 0, 20);
    const remove = () => world.run(index.removeReplaced(TOPIC, 0, 0, 30, { deadline: FOREVER }));
    await world.clock.advance(75 * MINUTE);
    expect((await remove()).removed).toBe(0);
    expect((await world.run(index.remove(TOPIC, 0, 20, { deadline: FOREVER }))).removed).toBe(1);
    expect(say(stored(world))).toEqual(['10>0@10', '20-30@3']);
    await world.clock.advance(1);
    expect((await remove()).removed).toBe(1);
    expect(say(stored(world))).toEqual(['20-30@3']);
  });

  it('leaves a segment that is replaced meanwhile', async () => {
    await sealed(world, index, [10, 20]);
    const beforeDelete = () => index.writeReplace(JOURNAL, replacement(10, 0, 20), world.clock.now());
    const removed = await world.run(index.remove(TOPIC, 0, 20, { deadline: FOREVER, beforeDelete }));
    expect(removed).toEqual({ removed: 0, isComplete: true });
    expect(say(stored(world))).toEqual(['0-20@10', '10>0@10']);
  });

  it('cannot be undone by a put that was sent before the replacement', async () => {
    const late = world.process();
    late.faults = ({ operation }) => (operation === 'put' ? { delayBeforeMs: 14 * MINUTE } : undefined);
    await sealed(world, index, [10]);
    const writing = indexOf(late).writeSeal(JOURNAL, seal(2, part(10, 20)), world.clock.now(), epochsOf);
    await world.clock.advance(MINUTE);
    await world.run(index.writeSeal(JOURNAL, seal(2, part(10, 20)), world.clock.now(), epochsOf));
    await replace(10, 0, 20);
    await world.run(index.removeReplaced(TOPIC, 0, 0, 20, { deadline: FOREVER }));
    await world.run(writing);
    expect(say(stored(world))).toEqual(['0-20@10', '10>0@10']);
  });
});

describe('a crash at any call', () => {
  it('of writeSeal is repaired by the same call', async () => {
    const both = seal(7, part(10, 20), part(0, 5, 1, 1), part(0, 5, 1, 2));
    const crashes = await crashAtEachCall({
      prepare: (at, process) => sealed(at, indexOf(process), [10]),
      work: (at, process) => at.run(indexOf(process).writeSeal(JOURNAL, both, at.clock.now(), epochsOf)),
      afterCrash: ({ world: at, how }) => expectWhole(at, how, 0, 10),
      async afterRepair({ world: at, how }) {
        expect(await at.run(indexOf(at.process()).readBack(JOURNAL, both)), how).toBe(true);
        expect([0, 1, 2].flatMap((partition) => say(stored(at, partition)))).toEqual([
          ...['0-10@1', '10-20@7'],
          ...['0-5@7', '0-5@7'],
        ]);
        await expectWhole(at, how, 0, 20);
      },
    });
    expect(crashes).toBeGreaterThan(3 * 5);
  });

  it.each([
    ['a merge', [60], ['0-60@10', '10>0@10', '20>0@10', '30>0@10', '40>0@10', '50>0@10']],
    [
      'other bounds',
      [5, 25, 30, 60],
      ['0-5@10', '5-25@10', '10>5@10', '20>5@10', '25-30@10', '30-60@10', '40>30@10', '50>30@10'],
    ],
    ['the same bounds', [10, 20, 30, 40, 50, 60], [0, 10, 20, 30, 40, 50].map((base) => `${base}-${base + 10}@10`)],
  ])(
    'of writeReplace, %s, leaves every offset in a segment and is repaired by the same call',
    async (_, ends, items) => {
      const crashes = await crashAtEachCall({
        prepare: (at, process) => sealed(at, indexOf(process), [10, 20, 30, 40, 50, 60]),
        work: (at, process) =>
          at.run(indexOf(process).writeReplace(JOURNAL, replacement(10, 0, ...ends), at.clock.now())),
        afterCrash: ({ world: at, how }) => expectWhole(at, how, 0, 60),
        async afterRepair({ world: at, how }) {
          expect(say(stored(at)), how).toEqual(items);
          await expectWhole(at, how, 0, 60);
        },
      });
      expect(crashes).toBeGreaterThan(3 * 6);
    },
  );

  it('of remove leaves what is above the log start, and is repaired by the same call', async () => {
    const crashes = await crashAtEachCall({
      prepare: (at, process) => sealed(at, indexOf(process), [10, 20, 30, 40, 50, 60]),
      work: (at, process) => at.run(indexOf(process).remove(TOPIC, 0, 45, { deadline: FOREVER })),
      afterCrash: ({ world: at, how }) => expectWhole(at, how, 40, 60),
      async afterRepair({ world: at, how }) {
        expect(say(stored(at)), how).toEqual(['40-50@5', '50-60@6']);
        await expectWhole(at, how, 40, 60);
      },
    });
    expect(crashes).toBeGreaterThan(3 * 4);
  });
});
