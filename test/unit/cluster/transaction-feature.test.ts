import { beforeEach, describe, expect, it } from 'vitest';
import { TransactionFeature } from '../../../lib/cluster/transaction-feature.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createWorld, first, type Process, type World } from '../journal/world.ts';

let world: World;
let process: Process;
let feature: TransactionFeature;
const run = <T>(work: Promise<T>) => world.run(work);

function featureOf({ env, stores }: Process): TransactionFeature {
  const { clock, random, logger } = env;
  return new TransactionFeature({ state: stores.state, clock, random, ageing: clock, logger });
}

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  feature = featureOf(process);
});

describe('the finalized level of transaction.version', () => {
  it('is 2 before the first change', async () => {
    expect(await run(feature.finalized())).toEqual({ level: 2, epoch: 2 });
  });

  it('is read once in 30 seconds, and once for all that ask together', async () => {
    await run(Promise.all([1, 2, 3].map(() => feature.finalized())));
    expect(process.count('state.get')).toBe(1);
    await world.clock.advance(29_999);
    await run(feature.finalized());
    expect(process.count('state.get')).toBe(1);
    await world.clock.advance(1);
    await run(feature.finalized());
    expect(process.count('state.get')).toBe(2);
  });

  it('has a higher epoch after each change, by whichever process', async () => {
    const other = featureOf(world.process());
    await run(feature.change(1));
    await run(other.change(2));
    await run(other.change(2));
    expect(await run(other.finalized())).toEqual({ level: 2, epoch: 4 });
    expect(await run(feature.finalized())).toEqual({ level: 1, epoch: 3 });
    await world.clock.advance(30_000);
    expect(await run(feature.finalized())).toEqual({ level: 2, epoch: 4 });
  });

  it('writes nothing for the level that is there', async () => {
    await run(feature.change(2));
    expect(process.count('state.put')).toBe(0);
  });

  it('does not go back to what a read found before a change', async () => {
    process.faults = first(1, 'state.get', { delayAfterMs: 500 });
    const read = feature.finalized();
    await world.clock.advance(100);
    await run(feature.change(1));
    expect(await run(read)).toEqual({ level: 1, epoch: 3 });
    expect(await run(feature.finalized())).toEqual({ level: 1, epoch: 3 });
  });

  it('is the last one that was known if the store fails, or hangs', async () => {
    await run(feature.change(1));
    await world.clock.advance(30_000);
    process.faults = first(1, 'state.get', { refuse: 'unavailable' });
    expect(await run(feature.finalized())).toEqual({ level: 1, epoch: 3 });
    expect(process.lines).toMatchObject([{ level: 'warn', event: 'features_not_read' }]);
    process.faults = first(1, 'state.get', { delayBeforeMs: 60_000 });
    const before = world.clock.monotonic();
    expect(await run(feature.finalized())).toEqual({ level: 1, epoch: 3 });
    expect(world.clock.monotonic() - before).toBe(1_000);
  });

  it('is not changed without the store', async () => {
    process.faults = ({ operation }) => (operation === 'put' ? { refuse: 'unavailable' } : undefined);
    await expect(run(feature.change(1))).rejects.toThrow(StoreUnavailableError);
  });
});
