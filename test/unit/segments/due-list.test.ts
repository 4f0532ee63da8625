import { beforeEach, describe, expect, it } from 'vitest';
import { DueList } from '../../../lib/segments/due-list.ts';
import { DUE_PK, dueSk, encodeDue } from '../../../lib/storage/items/due.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import { CountingMeter } from '../../support/counting-meter.ts';
import { createWorld, first, MINUTE, type Process, T0, type World } from '../journal/world.ts';
import { crashAtEachCall } from './crashes.ts';

let world: World;
let one: Process;
let due: DueList;
beforeEach(async () => {
  world = await createWorld();
  one = world.process();
  due = listOf(one);
});

function listOf({ stores, env }: Process): DueList {
  return new DueList({ state: stores.state, clock: env.clock, random: env.random });
}

const journal = (number: number, at = T0) => ({ kind: 'journal', name: `topic/${number}`, at }) as const;
const add = (item: Parameters<DueList['add']>[0], by = due) => world.run(by.add(item));
const page = (by = due, after?: string, limit = 100) => world.run(by.page(after, limit));
const keysIn = (at: World) =>
  at.stores
    .contents()
    .state.filter(({ pk }) => pk === DUE_PK)
    .map(({ sk }) => sk);
const keys = () => keysIn(world);

describe('the due list', () => {
  it('tells what is due by now, in order of time', async () => {
    const object = { kind: 'object', name: 'segment/topic/0/1-x', at: T0 - 5 } as const;
    for (const item of [journal(1), journal(2, T0 - 10), object, journal(3, T0 + MINUTE)]) await add(item);
    expect((await page()).found).toMatchObject([journal(2, T0 - 10), object, journal(1)]);
    await world.clock.advance(MINUTE);
    expect((await page()).found.map(({ name }) => name)).toContain('topic/3');
  });

  it('goes on after a key, in pages', async () => {
    for (let at = 0; at < 5; at++) await add(journal(at, T0 + at));
    await world.clock.advance(10);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const { found, next } = await page(due, after, 2);
      seen.push(...found.map(({ name }) => name));
      after = next;
    } while (after !== undefined);
    expect(seen).toEqual([0, 1, 2, 3, 4].map((number) => `topic/${number}`));
  });

  it('has one item however often the same is added', async () => {
    await add(journal(1));
    await add(journal(1));
    await Promise.all([add(journal(1)), add(journal(1), listOf(world.process()))]);
    expect(keys()).toEqual([dueSk(journal(1))]);
  });

  it('is late rather than early by a part of a millisecond', async () => {
    await add(journal(1, T0 + 0.5));
    expect(keys()).toEqual([dueSk(journal(1, T0 + 1))]);
  });

  it('can be asked first of all by a process, which does not know the time yet', async () => {
    await add(journal(1));
    const fresh = world.process();
    expect(fresh.stores.state.now()).toBeNaN();
    expect((await page(listOf(fresh))).found).toMatchObject([journal(1)]);
    const other = world.process();
    await add(journal(2), listOf(other));
    expect(other.calls.map(({ operation }) => operation)).toEqual(['get', 'put']);
  });

  it('counts what is due soon, up to a limit, also first of all', async () => {
    for (const at of [T0 - 10, T0, T0 + 900, T0 + MINUTE]) await add(journal(at, at));
    const count = (limit: number, aheadMs: number) => world.run(listOf(world.process()).count(limit, aheadMs));
    // A process that has just started knows the time a little later.
    expect([await count(9, 0), await count(9, 1_000), await count(1, 1_000)]).toEqual([2, 3, 1]);
  });

  it('says which items it cannot read, and the others', async () => {
    const put = (sk: string, body: Buffer) =>
      one.stores.state.put({ pk: DUE_PK, sk, version: 1, nonce: 'n', body }, { kind: 'absent' });
    await put('000000000000001/group/g', encodeDue());
    await put(dueSk(journal(1, 2)), Buffer.of(9));
    await add(journal(2, 3));
    const { found, unreadable } = await page();
    expect(found).toMatchObject([journal(2, 3)]);
    expect(unreadable.map(({ sk }) => sk)).toEqual(['000000000000001/group/g', dueSk(journal(1, 2))]);
  });

  it('costs half a read unit while nothing is due, with 10,000 journals that are due later', async () => {
    const body = encodeDue();
    for (let at = 0; at < 10_000; at++) {
      const sk = dueSk(journal(at, T0 + MINUTE + at));
      await one.stores.state.put({ pk: DUE_PK, sk, version: 1, nonce: `${at}`, body }, { kind: 'absent' });
    }
    const meter = new CountingMeter();
    const { state } = meterStores(one.stores, meter);
    const metered = new DueList({ ...one.env, state });
    expect(await page(metered)).toEqual({ found: [], unreadable: [], next: undefined });
    expect(meter.counts()).toEqual({ 'state.query': 1 });
    // An eventually consistent query that finds nothing is billed as half a read unit.
    expect(meter.totals('state.query')).toMatchObject({ items: 0, bytesOut: 0 });
    expect(one.calls.at(-1)).toMatchObject({ operation: 'query', consistent: false });
  });
});

describe('done', () => {
  it('takes the item off the list, and may be repeated', async () => {
    await add(journal(1));
    const { found } = await page();
    await world.run(due.done(found[0]!));
    await world.run(due.done(found[0]!));
    expect(keys()).toEqual([]);
  });

  it('leaves what was added again since the list was read', async () => {
    await add(journal(1));
    const { found } = await page();
    await add(journal(1), listOf(world.process()));
    await world.run(due.done(found[0]!));
    expect(keys()).toEqual([dueSk(journal(1))]);
    await world.run(due.done((await page()).found[0]!));
    expect(keys()).toEqual([]);
  });

  it('takes off what was added, by what `add` returned', async () => {
    const added = await add(journal(1, T0 + MINUTE - 0.5));
    expect(added).toMatchObject(journal(1, T0 + MINUTE));
    await add(journal(1, T0 + MINUTE));
    await world.run(due.done(added));
    expect(keys()).toEqual([dueSk(journal(1, T0 + MINUTE))]);
    await world.run(due.done(await add(journal(1, T0 + MINUTE))));
    expect(keys()).toEqual([]);
  });

  it('leaves what was finished and added again since', async () => {
    await add(journal(1));
    const { found } = await page();
    await world.clock.advance(1);
    const other = listOf(world.process());
    await world.run(other.done((await page(other)).found[0]!));
    await add(journal(1), other);
    await world.run(due.done(found[0]!));
    expect(keys()).toEqual([dueSk(journal(1))]);
  });

  it('leaves what another process has rescheduled', async () => {
    await add(journal(1));
    const other = listOf(world.process());
    const [mine, theirs] = [(await page()).found[0]!, (await page(other)).found[0]!];
    await world.run(other.reschedule(theirs, T0 + MINUTE));
    await world.run(due.done(mine));
    expect(keys()).toEqual([dueSk(journal(1, T0 + MINUTE))]);
  });

  it('fails if the store does not answer', async () => {
    await add(journal(1));
    const { found } = await page();
    one.faults = first(1, 'state.delete', { refuse: 'unavailable' });
    await expect(world.run(due.done(found[0]!))).rejects.toThrow('was not deleted');
  });
});

describe('reschedule', () => {
  it('has the item at one of its times at every moment, and is completed by the same call', async () => {
    const later = T0 + MINUTE;
    const work = async (at: World, process: Process) => {
      const list = listOf(process);
      for (const found of (await at.run(list.page(undefined, 10))).found) {
        if (found.at < later) await at.run(list.reschedule(found, later));
      }
    };
    const crashes = await crashAtEachCall({
      prepare: (at, process) => at.run(listOf(process).add(journal(1))),
      work,
      async afterCrash({ world: at, how }) {
        expect(keysIn(at).length, how).toBeGreaterThanOrEqual(1);
      },
      async afterRepair({ world: at, how }) {
        expect(keysIn(at), how).toContain(dueSk(journal(1, later)));
        expect(keysIn(at), how).not.toContain(dueSk(journal(1)));
      },
    });
    expect(crashes).toBeGreaterThanOrEqual(3 * 3);
  });
});
