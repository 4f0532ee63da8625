import { beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { decideEnd } from '../../../lib/transactions/decide-end.ts';
import type { MarkersOutcome } from '../../../lib/transactions/environment.ts';
import { finishTransaction } from '../../../lib/transactions/finish.ts';
import type { StoredTransaction } from '../../../lib/transactions/transaction-items.ts';
import { FOREVER } from '../journal/world.ts';
import { createTransactionsWorld, ID, type Participant, TOPIC, type TransactionsWorld } from './world.ts';

let its: TransactionsWorld;
let one: Participant;
let prepared: StoredTransaction;
const run = <T>(work: Promise<T>) => its.world.run(work);
const finish = (by: Participant) => run(finishTransaction(by, by.items, prepared, FOREVER));

beforeEach(async () => {
  its = await createTransactionsWorld();
  one = its.participant();
  const { producerId, producerEpoch } = await its.open(one);
  const request = { producerId, producerEpoch, commit: true, protocol: 2, newProducerId: undefined } as const;
  const step = await run(one.items.step(ID, (state, now) => decideEnd(state, request, now)));
  if (step.kind !== 'put') throw new Error(step.kind);
  prepared = step.stored;
});

describe('the finish of a prepared transaction', () => {
  it('writes one set of markers for each journal, then ends the offsets, then completes the item', async () => {
    const order: string[] = [];
    one.outcome = async ({ journal, isPrepared }) => {
      order.push(`${journal} ${await isPrepared!()} ${one.ended.length}`);
      return 'written' as const;
    };
    expect(await finish(one)).toBe('complete');
    expect(order.sort()).toEqual([`${TOPIC}/0 true 0`, `${TOPIC}/1 true 0`]);
    expect(one.ended).toHaveLength(1);
    expect((await its.stored()).status).toBe('CompleteCommit');
  });

  it('may be done again by anybody: the item stays as it is', async () => {
    await finish(one);
    const { version } = (await run(one.items.read(ID)))!;
    const late = its.participant();
    late.outcome = async ({ isPrepared }) => ((await isPrepared!()) ? 'written' : 'over');
    expect(await finish(late)).toBe('complete');
    expect(late.ended).toEqual([]);
    expect((await run(one.items.read(ID)))!.version).toBe(version);
  });

  it('leaves the item prepared if a marker is not known to be written', async () => {
    one.outcome = ({ journal }) => (journal.endsWith('/1') ? 'timedOut' : 'written');
    expect(await finish(one)).toBe('timedOut');
    expect(one.ended).toEqual([]);
    expect((await its.stored()).status).toBe('PrepareCommit');
  });

  it('passes over the journals of a topic that is gone', async () => {
    one.outcome = () => 'gone';
    expect(await finish(one)).toBe('complete');
    const gone = { ...one.journals, countOf: async () => undefined };
    const other = its.participant();
    expect(await run(finishTransaction({ ...other, journals: gone }, other.items, prepared, FOREVER))).toBe('complete');
    expect(other.written).toEqual([]);
  });

  it('does not complete the item if the offsets of a group could not be ended', async () => {
    const offsets = {
      endPending: async () => {
        throw new StoreUnavailableError('no answer');
      },
    };
    await expect(run(finishTransaction({ ...one, offsets }, one.items, prepared, FOREVER))).rejects.toThrow(
      StoreUnavailableError,
    );
    expect((await its.stored()).status).toBe('PrepareCommit');
  });

  it('does not complete the next transaction of the id', async () => {
    const late = its.participant();
    const releases: (() => void)[] = [];
    late.outcome = () =>
      new Promise<MarkersOutcome>((resolve) => {
        releases.push(() => resolve('written'));
      });
    const finished = finishTransaction(late, late.items, prepared, FOREVER);
    await its.world.clock.advance(1);
    await finish(one);
    await its.open(one);
    for (const release of releases) release();
    expect(await run(finished)).toBe('complete');
    expect(await its.stored()).toMatchObject({ status: 'Ongoing', transaction: prepared.state.transaction + 1 });
  });

  it('is for prepared transactions only', async () => {
    await finish(one);
    prepared = (await run(one.items.read(ID)))!;
    await expect(finish(one)).rejects.toThrow(AssertionError);
  });
});
