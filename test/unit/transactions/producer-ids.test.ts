import { beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../lib/storage/memory/faults.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { PRODUCER_ID_BLOCK, ProducerIds } from '../../../lib/transactions/producer-ids.ts';
import { createWorld, first, type Process, type World } from '../journal/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const idsOf = ({ env, stores }: Process) => new ProducerIds(stores.state, env.clock, env.random);
const take = (ids: ProducerIds, count: number) => Promise.all(Array.from({ length: count }, () => ids.next()));

describe('producer ids', () => {
  it('are taken a block at a time, by all who ask at once together', async () => {
    const process = world.process();
    const ids = await take(idsOf(process), PRODUCER_ID_BLOCK + 1);
    expect(ids).toEqual(Array.from({ length: PRODUCER_ID_BLOCK + 1 }, (_, index) => index));
    expect([process.count('state.get'), process.count('state.put')]).toEqual([2, 2]);
  });

  it('are never given twice, whoever asks and whatever goes wrong', async () => {
    const faults: (Fault | undefined)[] = [
      undefined,
      { loseAnswer: true },
      { refuse: 'throttled' },
      { landAfterMs: 30 },
      { landAfterMs: 20_000 },
      { delayBeforeMs: 50 },
    ];
    const processes = Array.from({ length: 6 }, () => world.process());
    for (const one of processes) {
      one.faults = ({ operation }) =>
        operation === 'put' ? faults[Math.floor(one.env.random.next() * faults.length)] : undefined;
    }
    const all = await world.run(
      Promise.all(
        processes.map(async (one) => {
          const ids = idsOf(one);
          return [...(await take(ids, 1_500)), ...(await take(ids, 1_500))];
        }),
      ),
    );
    const given = all.flat();
    expect(new Set(given).size).toBe(6 * 3_000);
    expect(given.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true);
    for (const ids of all) expect([...ids].sort((a, b) => a - b)).toEqual(ids);
  });

  it('of a block that may have been taken unheard are skipped', async () => {
    const process = world.process();
    process.faults = first(8, 'state.put', { loseAnswer: true });
    expect(await world.run(idsOf(process).next())).toBe(PRODUCER_ID_BLOCK);
  });

  it('are refused to all who wait when the store is gone, and given when it is back', async () => {
    const process = world.process();
    const ids = idsOf(process);
    process.faults = first(1, 'state.get', { refuse: 'unavailable' });
    const outcomes = await Promise.allSettled([ids.next(), ids.next()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((outcomes[0] as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailableError);
    expect(await ids.next()).toBe(0);
  });
});
