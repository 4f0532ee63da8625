import { beforeEach, describe, expect, it } from 'vitest';
import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import { createJournal } from '../../../lib/journal/create.ts';
import { purgeJournal } from '../../../lib/segments/purge-journal.ts';
import { trimJournal } from '../../../lib/segments/trim.ts';
import { LEADERS_PK } from '../../../lib/storage/items/leader.ts';
import { createWorld, FOREVER, HOUR, JOURNAL, MINUTE, type Process, T0, type World } from '../journal/world.ts';
import { crashAtEachCall } from './crashes.ts';
import { appendTo, objectKeys, sealAll } from './ending-world.ts';

const GRACE = 2 * HOUR;
const OTHER = 'topic2/0';

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

async function close(its = world, by = process): Promise<void> {
  const { writer } = await its.run(by.open());
  await its.run(writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER));
}

async function purge(by = process, deadline = FOREVER) {
  return world.run(purgeJournal(await world.run(by.open()), GRACE, deadline));
}

/** The same until nothing is left to do; what was done in all. */
async function purgeAll(its = world, by = process, timeoutMs = FOREVER) {
  const counts = { items: 0, objects: 0, entries: 0 };
  for (;;) {
    const open = await its.run(by.journals.open(JOURNAL));
    if (open === undefined) return counts;
    const outcome = await its.run(purgeJournal(open, GRACE, its.clock.monotonic() + timeoutMs));
    for (const what of ['items', 'objects', 'entries'] as const) counts[what] += outcome.counts[what];
    if (outcome.isComplete && outcome.nextAt === undefined) return counts;
    await its.clock.advance(Math.max(1, (outcome.nextAt ?? 0) - its.clock.now()));
  }
}

/** Everything that is stored, by its key. */
function keys(its = world): string[] {
  const { journal, state } = its.stores.contents();
  return [...journal, ...state].map(({ pk, sk }) => `${pk}/${sk}`).concat(objectKeys(its));
}

async function fill(its: World, by: Process, journal = JOURNAL): Promise<void> {
  for (let count = 0; count < 3; count++) {
    await appendTo(its, by, [{ records: 5 }, { partition: 1 }], journal);
    await sealAll(its, by, { journal });
  }
  await appendTo(its, by, [{}], journal);
}

describe('a closed journal', () => {
  it('goes with all that belongs to it, after the grace period, and nothing else goes', async () => {
    await createJournal(process.env, OTHER, T0);
    await fill(world, process, OTHER);
    const others = keys().filter((key) => !key.startsWith(`journal/${JOURNAL}/`));
    await fill(world, process);
    await world.run(trimJournal(await world.run(process.open()), GRACE, FOREVER));
    await close();
    const closedAt = (await world.run(process.open())).journal.view.time;
    expect(await purge()).toMatchObject({ isComplete: true, nextAt: closedAt + GRACE + 1, counts: { entries: 0 } });
    await world.clock.advance(GRACE + 1);
    // Three seals of two partitions in three objects; slots 0 to 11, and the close.
    expect(await purgeAll()).toEqual({ items: 6, objects: 3, entries: 12 });
    expect(keys().sort()).toEqual(others.sort());
    expect(await world.run(world.process().journals.open(JOURNAL))).toBeUndefined();
    expect((await world.run(process.open(OTHER))).journal.view.partitions.get(0)!.nextOffset).toBe(16);
  });

  it('goes with its leader item, and not with those of others', async () => {
    const { stores, clock, random } = process.env;
    const leaders = new LeaderItems({ state: stores.state, clock, random, logger: process.env.logger });
    for (const journal of [JOURNAL, OTHER]) {
      for (const leaderEpoch of [1, 2]) await world.run(leaders.put({ journal, leaderEpoch, leader: 5 }));
    }
    await appendTo(world, process, [{}]);
    await close();
    await world.clock.advance(GRACE + 1);
    // Metadata does not name an earlier epoch while anything of the journal is there.
    await purge();
    expect(keys()).toContain(`${LEADERS_PK}/${JOURNAL}`);
    await purgeAll();
    expect(keys()).toEqual([`${LEADERS_PK}/${OTHER}`]);
    expect(await world.run(leaders.allEpochs())).toEqual(new Map([[OTHER, 2]]));
  });

  it('can be opened, and is closed, while it is deleted', async () => {
    await appendTo(
      world,
      process,
      Array.from({ length: 40 }, () => ({})),
    );
    await close();
    await world.clock.advance(GRACE + 1);
    process.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'delete' ? { delayAfterMs: 1_000 } : undefined;
    const soon = world.clock.monotonic() + 500;
    expect(await purge(process, soon)).toMatchObject({ isComplete: false, counts: { entries: 16 } });
    expect((await world.run(world.process().open())).journal.view).toMatchObject({ closed: true, seq: 41 });
    process.faults = () => undefined;
    expect((await purgeAll()).entries).toBe(26);
    expect(keys()).toEqual([]);
  });

  it('goes while another process does the same', async () => {
    await fill(world, process);
    await close();
    await world.clock.advance(GRACE + 1);
    const other = world.process();
    const opens = await Promise.all([process, other].map((by) => world.run(by.open())));
    await world.run(Promise.all(opens.map((open) => purgeJournal(open, GRACE, FOREVER).catch(() => {}))));
    await purgeAll(world, other);
    expect(keys()).toEqual([]);
  });
});

it('a journal that is not closed stays as it is', async () => {
  await fill(world, process);
  await world.clock.advance(30 * 24 * HOUR);
  const before = keys();
  expect(await purge()).toEqual({ isComplete: true, nextAt: undefined, counts: { items: 0, objects: 0, entries: 0 } });
  expect(keys()).toEqual(before);
});

it('a crash at any call leaves a journal that is closed or gone, and the next call finishes', async () => {
  const work = (its: World, by: Process) => purgeAll(its, by, MINUTE);
  const crashes = await crashAtEachCall({
    prepare: async (its, by) => {
      const { stores, clock, random, logger } = by.env;
      const leaders = new LeaderItems({ state: stores.state, clock, random, logger });
      await its.run(leaders.put({ journal: JOURNAL, leaderEpoch: 1, leader: 5 }));
      await appendTo(its, by, [{ records: 5 }]);
      await sealAll(its, by);
      await close(its, by);
      await its.clock.advance(GRACE + 1);
    },
    work,
    afterCrash: async ({ world: its, how }) => {
      const open = await its.run(its.process().journals.open(JOURNAL));
      expect(open?.journal.view.closed ?? true, how).toBe(true);
    },
    afterRepair: async ({ world: its, how }) => {
      expect(keys(its), how).toEqual([]);
    },
  });
  expect(crashes).toBeGreaterThan(30);
});
