import { beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../lib/core/clock.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { type DueHandler, type SweptDue, sweepDue } from '../../../lib/segments/sweep.ts';
import { DUE_PK, type DueKind, dueSk, encodeDue } from '../../../lib/storage/items/due.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createWorld, FOREVER, MINUTE, type Process, T0, type World } from '../journal/world.ts';

let world: World;
let one: Process;
/** What was looked at, in order. */
let looked: string[];
let unreadable: UnreadableItems;
beforeEach(async () => {
  world = await createWorld();
  one = world.process();
  looked = [];
  unreadable = new UnreadableItems(one.env.logger);
});

const listOf = ({ stores, env }: Process) => new DueList({ state: stores.state, clock: env.clock, random: env.random });
const journal = (number: number, at = T0) => ({ kind: 'journal', name: `topic/${number}`, at }) as const;
const add = (...items: Parameters<DueList['add']>[0][]) =>
  world.run(Promise.all(items.map((item) => listOf(one).add(item))));
const keys = () =>
  world.stores
    .contents()
    .state.filter(({ pk }) => pk === DUE_PK)
    .map(({ sk }) => sk);

/** Looks, and never again. */
const finish: DueHandler = async (name) => {
  looked.push(name);
  return { next: undefined };
};
const never: DueHandler = () => Promise.reject(new Error('not expected'));

function sweep(
  handlers: Partial<Record<DueKind, DueHandler>> = { journal: finish },
  cursor?: string,
  deadline = FOREVER,
  process = one,
): Promise<SweptDue> {
  const env = { state: process.stores.state, clock: process.env.clock, due: listOf(process), unreadable };
  return world.run(sweepDue(env, { journal: never, object: never, ...handlers }, cursor, deadline));
}

describe('sweepDue', () => {
  it('calls the handler of each kind for what is due, in order, and takes it off the list', async () => {
    const object = { kind: 'object', name: 'segment/topic/0/1-x', at: T0 - 5 } as const;
    await add(journal(1), object, journal(2, T0 - 10), journal(3, T0 + MINUTE));
    const swept = await sweep({ journal: finish, object: finish });
    expect(looked).toEqual(['topic/2', object.name, 'topic/1']);
    expect(swept).toEqual({
      cursor: undefined,
      isComplete: true,
      counts: { looked: 3, done: 3, rescheduled: 0, skipped: 0 },
    });
    expect(keys()).toEqual([dueSk(journal(3, T0 + MINUTE))]);
  });

  it('costs one query while nothing is due', async () => {
    await add(journal(1, T0 + MINUTE));
    const before = one.calls.length;
    expect((await sweep()).isComplete).toBe(true);
    expect(one.calls.slice(before)).toMatchObject([{ operation: 'query', consistent: false }]);
  });

  it('reschedules by the time that the handler gives, and adds up what it counts', async () => {
    await add(journal(1), journal(2));
    const again: DueHandler = async () => ({ next: T0 + MINUTE, counts: { sealed: 2 } });
    expect((await sweep({ journal: again })).counts).toMatchObject({ looked: 2, done: 0, rescheduled: 2, sealed: 4 });
    expect(keys()).toEqual([dueSk(journal(1, T0 + MINUTE)), dueSk(journal(2, T0 + MINUTE))]);
  });

  it('does not look at the same thing again in one sweep, whatever time the handler gives', async () => {
    await add(journal(1));
    const atOnce: DueHandler = async (name) => {
      looked.push(name);
      return { next: T0 };
    };
    await sweep({ journal: atOnce });
    expect([looked, keys()]).toEqual([['topic/1'], [dueSk(journal(1, T0 + 1_000))]]);
  });

  it('looks once at what is on the list at several times', async () => {
    await add(journal(1, T0 - 2), journal(2, T0 - 1), journal(1));
    await sweep();
    expect([looked, keys()]).toEqual([['topic/1', 'topic/2'], []]);
  });

  it('looks at a few at the same time', async () => {
    await add(...Array.from({ length: 20 }, (_, number) => journal(number)));
    let atOnce = 0;
    let most = 0;
    const slow: DueHandler = async () => {
      most = Math.max(most, ++atOnce);
      await sleep(world.clock, 10);
      atOnce--;
      return { next: undefined };
    };
    await sweep({ journal: slow });
    expect([most, keys()]).toEqual([4, []]);
  });

  it('ends at its deadline and goes on at its cursor, until all have been looked at once', async () => {
    const count = 250;
    await add(...Array.from({ length: count }, (_, number) => journal(number, T0 - count + number)));
    const slow: DueHandler = async (name) => {
      looked.push(name);
      // Not all take the same time.
      await sleep(world.clock, 10 + (Number(name.slice('topic/'.length)) % 7));
      return { next: T0 + MINUTE };
    };
    let cursor: string | undefined;
    let steps = 0;
    for (let isComplete = false; !isComplete; steps++) {
      const step = await sweep({ journal: slow }, cursor, world.clock.monotonic() + 100);
      ({ cursor, isComplete } = step);
      expect(cursor === undefined).toBe(isComplete);
    }
    expect(steps).toBeGreaterThan(5);
    expect(looked.length).toBe(count);
    expect(new Set(looked).size).toBe(count);
    expect(keys().length).toBe(count);
    expect(await sweep({ journal: slow }, undefined, world.clock.monotonic())).toMatchObject({ isComplete: false });
  });

  it('passes over what fails by a bug and what it cannot read; both stay on the list', async () => {
    const unknown = '000000000000001/group/g';
    await one.stores.state.put(
      { pk: DUE_PK, sk: unknown, version: 1, nonce: 'n', body: encodeDue() },
      { kind: 'absent' },
    );
    await add(journal(1, 2), journal(2, 3));
    const handler: DueHandler = (name) =>
      name === 'topic/1' ? Promise.reject(new TypeError('a bug')) : finish(name, 0);
    for (let round = 0; round < 2; round++) {
      expect((await sweep({ journal: handler })).counts).toMatchObject({ skipped: 2, done: 1 - round });
    }
    expect([looked, keys()]).toEqual([['topic/2'], [unknown, dueSk(journal(1, 2))]]);
    const logged = one.lines.filter(({ event }) => event === 'item_passed_over');
    expect(logged.map(({ item, level }) => [item, level])).toEqual([
      [`due/${unknown}`, 'warn'],
      ['journal topic/1', 'error'],
    ]);
  });

  it('ends with the error of a store that is not available, and leaves the item', async () => {
    await add(journal(1));
    const silent: DueHandler = () => Promise.reject(new StoreUnavailableError('no answer'));
    await expect(sweep({ journal: silent })).rejects.toThrow(StoreUnavailableError);
    expect(keys()).toEqual([dueSk(journal(1))]);
  });

  it('leaves what was added again while it was looked at', async () => {
    await add(journal(1));
    const other = listOf(world.process());
    const meanwhile: DueHandler = async (name) => {
      await other.add(journal(1));
      return finish(name, 0);
    };
    await sweep({ journal: meanwhile });
    expect(keys()).toEqual([dueSk(journal(1))]);
    await sweep();
    expect([looked, keys()]).toEqual([['topic/1', 'topic/1'], []]);
  });

  it('by two processes at once loses nothing that one of them rescheduled', async () => {
    await add(...Array.from({ length: 10 }, (_, number) => journal(number)));
    const again: DueHandler = async () => ({ next: T0 + MINUTE });
    await Promise.all([sweep({ journal: again }), sweep({ journal: finish }, undefined, FOREVER, world.process())]);
    expect(keys()).toEqual(Array.from({ length: 10 }, (_, number) => dueSk(journal(number, T0 + MINUTE))));
  });
});
