import { beforeEach, describe, expect, it } from 'vitest';
import { clusterId } from '../../../lib/cluster/cluster-id.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createWorld, first, type Process, type World } from '../journal/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const idFor = ({ env, stores }: Process) => world.run(clusterId(stores.state, env.clock, env.random));

describe('the cluster id', () => {
  it('is given once, by one of those who start at the same time', async () => {
    const processes = Array.from({ length: 8 }, () => world.process());
    for (const one of processes) one.faults = () => ({ delayBeforeMs: one.env.random.next() * 10 });
    const ids = await Promise.all(processes.map(idFor));
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[\w-]{22}$/);
    expect(await idFor(world.process())).toBe(ids[0]);
    expect(world.stores.contents().state).toHaveLength(1);
  });

  it('is the one that landed when its answer was lost', async () => {
    const one = world.process();
    one.faults = first(1, 'state.put', { loseAnswer: true });
    expect(await idFor(one)).toBe(await idFor(world.process()));
  });

  it('of which nobody can tell is unavailable', async () => {
    const one = world.process();
    one.faults = ({ operation }) => (operation === 'put' ? { refuse: 'throttled' } : undefined);
    await expect(idFor(one)).rejects.toThrow(StoreUnavailableError);
  });
});
