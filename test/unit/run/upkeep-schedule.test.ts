import { expect, it } from 'vitest';
import { scheduleUpkeep } from '../../../lib/run/upkeep-schedule.ts';
import type { Fault } from '../../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { startEngine } from '../../support/engine.ts';
import { scaled } from '../../support/machine.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR_MS = 60 * 60 * 1000;

/** Modules that are imported on the way are loaded in real time; ms. */
const LOADED_WITHIN_MS = scaled(10_000);

async function world() {
  const clock = new VirtualClock(1_700_000_000_000);
  const trouble: { fault?: Fault } = {};
  const shared = memoryStores({ clock, random: seededRandom(1) });
  const stores = shared.client({ faults: () => trouble.fault });
  const engine = await startEngine({ stores, clock });
  const logger = { log: (level: string, fields: object) => lines.push({ level, ...fields }) };
  const lines: object[] = [];
  const end = scheduleUpkeep(engine, clock, logger);
  /** Lets that many hours pass, and the round of each end. */
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      const before = lines.length;
      await clock.advance(HOUR_MS + 1_000);
      for (const until = Date.now() + LOADED_WITHIN_MS; lines.length === before && Date.now() < until; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await clock.advance(100);
      }
    }
  };
  const groupItems = () => shared.contents().state.filter(({ pk }) => /^groups?\b|^offsets/.test(pk)).length;
  return { engine, lines, trouble, end, rounds, groupItems, clock, shared };
}

async function deletedGroup({ engine }: Awaited<ReturnType<typeof world>>): Promise<void> {
  const topics = [{ name: 'orders', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }];
  await engine.client.ask(ApiKey.CreateTopics, 7, { topics, timeoutMs: 1_000, validateOnly: false });
  const offsets = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }];
  await engine.client.ask(ApiKey.OffsetCommit, 8, {
    groupId: 'g',
    topics: [{ name: 'orders', partitions: offsets }],
  });
  const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: ['g'] });
  expect(results[0]!.errorCode).toBe(0);
}

it('a process that stays up removes the traces of a deleted group', async () => {
  const here = await world();
  await deletedGroup(here);
  expect(here.groupItems()).toBe(3);
  await here.rounds(2);
  expect(here.groupItems()).toBe(0);
  expect(here.lines).toMatchObject([{ event: 'upkeep' }, { event: 'upkeep' }]);
  here.end();
});

it('goes on after a round that failed, and no more once it is ended', async () => {
  const here = await world();
  await deletedGroup(here);
  here.trouble.fault = { refuse: 'unavailable' };
  await here.rounds(1);
  expect(here.lines).toMatchObject([{ level: 'warn', event: 'upkeep_failed' }]);
  delete here.trouble.fault;
  here.end();
  await here.clock.advance(3 * HOUR_MS);
  expect(here.lines).toHaveLength(1);
});

it('of two processes one does it, and the other one says so only to who wants to know', async () => {
  const here = await world();
  await deletedGroup(here);
  const others: object[] = [];
  const engine = await startEngine({ stores: here.shared, clock: here.clock });
  const logger = { log: (level: string, fields: object) => others.push({ level, ...fields }) };
  const end = scheduleUpkeep(engine, here.clock, logger);
  await here.rounds(2);
  for (const until = Date.now() + LOADED_WITHIN_MS; others.length < 2 && Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await here.clock.advance(100);
  }
  const events = [...here.lines, ...others].map((line) => ('event' in line ? line.event : undefined)).sort();
  expect(events).toEqual(['upkeep', 'upkeep', 'upkeep_skipped', 'upkeep_skipped']);
  expect(here.groupItems()).toBe(0);
  here.end();
  end();
});
