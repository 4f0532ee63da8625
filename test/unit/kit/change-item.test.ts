import { beforeEach, describe, expect, it } from 'vitest';
import { changeItem, type ItemChange } from '../../../lib/kit/change-item.ts';
import { type Item, StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createWorld, first, type Process, type World } from '../journal/world.ts';

const KEY = { pk: 'kit/test', sk: 'counter' };

let world: World;
let one: Process;
beforeEach(async () => {
  world = await createWorld();
  one = world.process();
});

const envOf = ({ stores, env }: Process) => ({ state: stores.state, clock: env.clock, random: env.random });
const stored = () => world.stores.contents().state.find(({ pk }) => pk === KEY.pk);
const numberIn = (item: Item | undefined) => (item === undefined ? 0 : Number(item.body));

/** Adds one to the number in the item; keeps it once it is `end`. */
function increment(end = Number.POSITIVE_INFINITY) {
  const seen: number[] = [];
  const decide = (item: Item | undefined): ItemChange<string> => {
    const number = numberIn(item);
    seen.push(number);
    if (number >= end) return { kind: 'keep', result: `it is ${number}` };
    return { kind: 'put', version: (item?.version ?? 0) + 1, body: Buffer.from(String(number + 1)) };
  };
  return { seen, decide };
}

const add = (process: Process, by = increment()) => changeItem(envOf(process), KEY, by.decide);

/** All puts of the call whose answers are lost: the call itself repeats a put eight times. */
const PUTS_OF_ONE_CHANGE = 8;

describe('changeItem', () => {
  it('reads, decides and puts; and keeps what needs no change', async () => {
    const put = await world.run(add(one));
    expect(put).toMatchObject({ kind: 'put', isAnswered: true, item: { ...KEY, version: 1, body: Buffer.from('1') } });
    expect(stored()).toMatchObject({ version: 1, body: Buffer.from('1') });
    expect(await world.run(changeItem(envOf(one), KEY, increment(1).decide))).toEqual({
      kind: 'kept',
      result: 'it is 1',
    });
    expect([one.count('state.get'), one.count('state.put')]).toEqual([2, 1]);
  });

  it('decides anew from the item that won, without reading it again', async () => {
    const other = world.process();
    const slow = increment();
    // The other one gets in between this one's read and its put.
    let isLate = false;
    one.faults = ({ operation }) => {
      if (operation !== 'put' || isLate) return undefined;
      isLate = true;
      return { delayBeforeMs: 1_000 };
    };
    const both = Promise.all([add(one, slow), add(other)]);
    const [mine] = await world.run(both);
    expect(slow.seen).toEqual([0, 1]);
    expect(mine).toMatchObject({ kind: 'put', item: { version: 2 } });
    expect([one.count('state.get'), numberIn(stored())]).toEqual([1, 2]);
  });

  it('adds up, whoever changes it at the same time', async () => {
    const processes = Array.from({ length: 5 }, () => world.process());
    await world.run(Promise.all(processes.flatMap((process) => [add(process), add(process), add(process)])));
    expect(numberIn(stored())).toBe(15);
  });

  it('recognises its own item after a lost answer, and makes the change once', async () => {
    one.faults = first(PUTS_OF_ONE_CHANGE, 'state.put', { loseAnswer: true });
    const by = increment();
    expect(await world.run(add(one, by))).toMatchObject({ kind: 'put', isAnswered: false, item: { version: 1 } });
    expect([by.seen, numberIn(stored())]).toEqual([[0], 1]);
  });

  it('recognises its own item as the winner of its next put', async () => {
    // The first put lands while the second one is on its way.
    let puts = 0;
    one.faults = ({ operation }) => {
      if (operation !== 'put') return undefined;
      puts++;
      if (puts === 1) return { landAfterMs: 60_000 };
      if (puts <= PUTS_OF_ONE_CHANGE) return { refuse: 'throttled' };
      return puts === PUTS_OF_ONE_CHANGE + 1 ? { delayBeforeMs: 120_000 } : undefined;
    };
    const by = increment();
    expect(await world.run(add(one, by))).toMatchObject({ kind: 'put', isAnswered: false, item: { version: 1 } });
    expect([by.seen, numberIn(stored())]).toEqual([[0, 0], 1]);
  });

  it('puts again what did not land, and the earlier put cannot land on it', async () => {
    let puts = 0;
    one.faults = ({ operation }) => {
      if (operation !== 'put') return undefined;
      puts++;
      if (puts === 1) return { landAfterMs: 60_000 };
      return puts <= PUTS_OF_ONE_CHANGE ? { refuse: 'throttled' } : undefined;
    };
    expect(await world.run(add(one))).toMatchObject({ kind: 'put', isAnswered: true });
    await world.clock.advance(120_000);
    expect(numberIn(stored())).toBe(1);
  });

  it('begins with a put where the caller knows the item, and reads only if that was wrong', async () => {
    const by = increment();
    const firstPut = (version: number) =>
      ({ kind: 'put', version, body: Buffer.from('1'), condition: { kind: 'absent' } }) as const;
    await world.run(changeItem(envOf(one), KEY, by.decide, firstPut(1)));
    expect([by.seen, one.count('state.get')]).toEqual([[], 0]);
    await world.run(changeItem(envOf(one), KEY, by.decide, firstPut(1)));
    expect([by.seen, one.count('state.get'), numberIn(stored())]).toEqual([[1], 0, 2]);
  });

  it('throws where the store refuses, where it cannot be read, and where others are always faster', async () => {
    one.faults = ({ operation }) => (operation === 'put' ? { refuse: 'unavailable' } : undefined);
    await expect(world.run(add(one))).rejects.toThrow(StoreUnavailableError);
    one.faults = ({ operation }) => (operation === 'get' ? { refuse: 'unavailable' } : undefined);
    await expect(world.run(add(one))).rejects.toThrow(StoreUnavailableError);
    one.faults = () => undefined;
    let version = 1;
    const { state } = one.stores;
    const busy = {
      ...envOf(one),
      state: {
        ...state,
        get: (pk: string, sk: string, consistent: boolean) => state.get(pk, sk, consistent),
        put: async () =>
          ({
            kind: 'conflict',
            existing: { ...KEY, version: version++, nonce: 'x', body: Buffer.from('7') },
            storeTime: 0,
          }) as const,
      },
    };
    await expect(world.run(changeItem(busy, KEY, increment().decide))).rejects.toThrow(/changed by others/);
    expect(version).toBeGreaterThan(10);
  });

  it('gives up after two changes without an answer, although the reads between them succeed', async () => {
    one.faults = ({ operation }) => (operation === 'put' ? { landAfterMs: 3_600_000 } : undefined);
    await expect(world.run(add(one))).rejects.toThrow(StoreUnavailableError);
    expect(one.count('state.put')).toBe(2 * PUTS_OF_ONE_CHANGE);
  });
});
