import { beforeEach, describe, expect, it } from 'vitest';
import type { TransactionState } from '../../../lib/storage/items/transaction.ts';
import { decideEnd } from '../../../lib/transactions/decide-end.ts';
import { LeftToOthers } from '../../../lib/transactions/left-to-others.ts';
import { MINUTE } from '../journal/world.ts';
import { createTransactionsWorld, ID, type Participant, type TransactionsWorld } from './world.ts';

let its: TransactionsWorld;
let one: Participant;
let asked: number[];
let left: LeftToOthers;
let open: TransactionState;
const run = <T>(work: Promise<T>) => its.world.run(work);
const meet = () => run(left.meetProducer(open.producerId));

beforeEach(async () => {
  its = await createTransactionsWorld();
  one = its.participant();
  asked = [];
  left = new LeftToOthers(its.participant().items, its.world.clock, async (producerId) => asked.push(producerId));
  open = await its.open(one);
});

async function end(): Promise<void> {
  const { producerId, producerEpoch } = open;
  const request = { producerId, producerEpoch, commit: true, protocol: 2, newProducerId: undefined } as const;
  await run(one.items.step(ID, (state, now) => decideEnd(state, request, now)));
}

describe('a process that may not end transactions', () => {
  it('asks for the end of what has timed out, and not a moment sooner', async () => {
    const timesOutAt = open.startedAt + open.timeoutMs;
    expect(await meet()).toBe(timesOutAt);
    await its.world.clock.advance(timesOutAt - its.world.clock.now());
    expect(await meet()).toBe(timesOutAt);
    expect(asked).toEqual([]);
    await its.world.clock.advance(1);
    expect(await meet()).toBeGreaterThan(its.world.clock.now());
    expect(asked).toEqual([open.producerId]);
    expect((await its.stored()).status).toBe('Ongoing');
  });

  it('asks again after five seconds, however often it looks', async () => {
    await its.world.clock.advance(MINUTE + 1);
    for (let second = 0; second < 12; second++) {
      await meet();
      await meet();
      await its.world.clock.advance(1_000);
    }
    expect(asked).toHaveLength(3);
  });

  it('leaves a prepared transaction to whoever prepared it for five seconds', async () => {
    await end();
    await meet();
    await its.world.clock.advance(5_000);
    await meet();
    expect(asked).toEqual([]);
    await its.world.clock.advance(1);
    await meet();
    expect(asked).toEqual([open.producerId]);
  });

  it('does not ask for what is over, or is not its producer’s', async () => {
    expect(await run(left.meetProducer(4_711))).toBeUndefined();
    await run(one.coordinator.end({ ...open, commit: false, protocol: 2 }, { deadline: 1e9 }));
    await its.world.clock.advance(MINUTE + 1);
    expect(await meet()).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('says of a transaction by its number whether it is open, and asks for its end', async () => {
    const { transaction } = open;
    expect(await run(left.meet(ID, transaction))).toBe('open');
    expect(await run(left.meet(ID, transaction - 1))).toBe('over');
    expect(await run(left.meet('unknown', transaction))).toBe('over');
    await its.world.clock.advance(MINUTE + 1);
    expect(await run(left.meet(ID, transaction - 1))).toBe('over');
    expect(asked).toEqual([]);
    expect(await run(left.meet(ID, transaction))).toBe('open');
    expect(asked).toEqual([open.producerId]);
  });

  it('only looks where nobody can be asked', async () => {
    const alone = new LeftToOthers(its.participant().items, its.world.clock, undefined);
    await its.world.clock.advance(MINUTE + 1);
    expect(await run(alone.meetProducer(open.producerId))).toBeGreaterThan(its.world.clock.now());
    expect((await its.stored()).status).toBe('Ongoing');
  });
});
