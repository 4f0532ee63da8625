import { expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { collectObject } from '../../../lib/segments/collect-object.ts';
import { collectWal } from '../../../lib/segments/collect-wal.ts';
import { retainJournal } from '../../../lib/segments/retain.ts';
import { sweepDue } from '../../../lib/segments/sweep.ts';
import { trimJournal } from '../../../lib/segments/trim.ts';
import { slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { createWorld, HOUR, JOURNAL, MINUTE, type Process, type World } from '../journal/world.ts';
import { appendTo, endingOf, objectKeys, sealAll } from './ending-world.ts';
import { stored } from './index-world.ts';

const DAY = 24 * HOUR;
const GRACE = 2 * HOUR;
const LIMITS = { deletes: true, retentionMs: 2 * DAY, retentionBytes: 2_000 };
const PARTITIONS = [0, 1];
const STEPS = 60;

/** What is looked after, by several processes, in any order, with calls that fail. */
const WORKS: Readonly<Record<string, (world: World, by: Process) => Promise<unknown>>> = {
  retain: async (world, by) => retainJournal(endingOf(by), await by.open(), LIMITS, deadline(world)),
  trim: async (world, by) => trimJournal(await by.open(), GRACE, deadline(world)),
  wal: (world, by) => {
    const unreadable = new UnreadableItems(by.env.logger);
    return collectWal(by.journals, unreadable, { graceMs: GRACE, everyMs: 0 }, undefined, deadline(world));
  },
  sweep: (world, by) => {
    const { due, index } = endingOf(by);
    const { stores, env, journals } = by;
    const unreadable = new UnreadableItems(env.logger);
    const object = (name: string) => collectObject({ journals, index, due, journalOf: async () => JOURNAL }, name);
    const journal = async () => ({ next: undefined });
    return sweepDue(
      { state: stores.state, clock: env.clock, due, unreadable },
      { object, journal },
      undefined,
      deadline(world),
    );
  },
};

const deadline = (world: World) => world.clock.monotonic() + MINUTE;

/** Everything that a reader of the journal may still need is there. */
async function check(world: World, when: string): Promise<void> {
  const { journal } = await world.run(world.process().open());
  const { view } = journal;
  const objects = new Set(objectKeys(world));
  for (const number of PARTITIONS) {
    const partition = view.partitions.get(number);
    if (partition === undefined) continue;
    const items = stored(world, number).filter(({ nextOffset }) => nextOffset > partition.segmentsFrom);
    let next = partition.segmentsFrom;
    for (const { baseOffset, nextOffset, key } of items) {
      expect([baseOffset, objects.has(key)], `${when}: segment ${baseOffset} of ${number}`).toEqual([next, true]);
      next = nextOffset;
    }
    expect(Math.max(next, partition.entriesOffset), `${when}: segments of ${number}`).toBe(next);
  }
  if (view.lastSeal?.parts.some((part) => part.nextOffset > view.partitions.get(part.partition)!.segmentsFrom)) {
    expect(objects.has(view.lastSeal.key), `${when}: the newest set`).toBe(true);
  }
  const slots = world.stores.contents().journal.map(({ sk }) => slotOf(sk));
  const first = view.trimmableSeq + 1;
  expect(
    slots.filter((seq) => seq >= first),
    when,
  ).toEqual(Array.from({ length: view.seq - first + 1 }, (_, index) => first + index));
  for (const [at, entry] of world.entries().entries()) {
    if (!('payload' in entry) || entry.payload.kind !== 'wal' || slots[at]! < first) continue;
    expect(objects.has(entry.payload.key), `${when}: the object of slot ${slots[at]}`).toBe(true);
  }
}

it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
  'whatever ends and in which order, nothing that is needed is deleted (seed %i)',
  async (seed) => {
    const random = seededRandom(seed);
    const world = await createWorld(seed);
    const below = (bound: number) => random.bytes(4).readUInt32BE() % bound;
    const processes = [0, 1].map(() => world.process({ tier: { inlineMaxBytes: seed % 2 === 0 ? 0 : 4_096 } }));
    for (let step = 0; step < STEPS; step++) {
      const by = processes[below(processes.length)]!;
      const names = ['append', 'append', 'seal', 'wait', ...Object.keys(WORKS)];
      const name = names[below(names.length)]!;
      const when = `step ${step}, ${name}`;
      if (name === 'append') {
        await appendTo(world, by, [{ partition: below(2), records: 1 + below(3), text: 'v'.repeat(below(500)) }]);
      } else if (name === 'seal') {
        const { journal } = await world.run(by.open());
        await world.run(journal.catchUp(true));
        if (journal.view.hotSince !== -1) await sealAll(world, by);
      } else if (name === 'wait') {
        await world.clock.advance([MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY][below(5)]!);
      } else {
        const failing = below(3) === 0 ? below(20) : Number.POSITIVE_INFINITY;
        let calls = 0;
        by.faults = () => (calls++ >= failing ? { refuse: 'unavailable' } : undefined);
        await world.run(WORKS[name]!(world, by)).catch(() => {});
        by.faults = () => undefined;
      }
      await check(world, when);
    }
    // In the end everything goes that is not needed.
    await appendTo(world, processes[0]!, [{}]);
    await sealAll(world, processes[0]!);
    for (let day = 0; day < 6; day++) {
      for (const work of Object.values(WORKS)) await world.run(work(world, processes[0]!));
      await check(world, `day ${day}`);
      await world.clock.advance(DAY);
    }
    const live = new Set(PARTITIONS.flatMap((number) => stored(world, number).map(({ key }) => key)));
    const { lastSeal } = (await world.run(processes[0]!.open())).journal.view;
    expect(objectKeys(world, 'segment/').filter((key) => !live.has(key) && key !== lastSeal!.key)).toEqual([]);
  },
);
