import { beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import type { MarkersOutcome } from '../../../lib/transactions/environment.ts';
import { first, MINUTE } from '../journal/world.ts';
import {
  createTransactionsWorld,
  ID,
  NO_LIMIT,
  OTHER_TOPIC,
  outcomeOf,
  type Participant,
  TOPIC,
  type TransactionsWorld,
} from './world.ts';

let its: TransactionsWorld;
let one: Participant;
let other: Participant;
const run = <T>(work: Promise<T>) => its.world.run(work);

beforeEach(async () => {
  its = await createTransactionsWorld();
  one = its.participant();
  other = its.participant();
});

const end = (by: Participant, producer: { producerId: number; producerEpoch: number }, commit = true) =>
  run(
    by.coordinator.end(
      { transactionalId: ID, ...pick(producer), commit, protocol: 2 },
      { deadline: its.world.clock.monotonic() + 5_000 },
    ),
  );
const pick = ({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }) => ({
  producerId,
  producerEpoch,
});

describe('the coordinator', () => {
  it('answers an end after all markers, with the next epoch', async () => {
    const open = await its.open(one);
    expect(await end(one, open)).toEqual({ kind: 'ok', producerId: open.producerId, producerEpoch: 1 });
    expect(one.written.map(({ journal, partitions, commit }) => [journal, partitions, commit])).toEqual([
      [`${TOPIC}/0`, [0, 2], true],
      [`${TOPIC}/1`, [1], true],
    ]);
    expect(one.ended).toMatchObject([{ groupId: 'readers', transactionalId: ID, commit: true }]);
    expect(await its.stored()).toMatchObject({ status: 'CompleteCommit', producerEpoch: 1, partitions: new Map() });
  });

  it('answers an end that is repeated, by any process, as the first one', async () => {
    const open = await its.open(one);
    const answer = await end(one, open);
    expect(await end(other, open)).toEqual(answer);
    expect(other.written).toEqual([]);
  });

  it('finishes what another process has prepared before it decides anything else', async () => {
    const open = await its.open(one);
    one.outcome = () => new Promise(() => {});
    void one.coordinator.end({ transactionalId: ID, ...pick(open), commit: true, protocol: 2 }, NO_LIMIT);
    await its.world.clock.advance(1_000);
    expect((await its.stored()).status).toBe('PrepareCommit');
    expect(await its.begin(other)).toMatchObject({ status: 'Empty', producerEpoch: 2 });
    expect(other.written).toHaveLength(2);
  });

  it('shares the finish among requests of one process', async () => {
    const open = await its.open(one);
    const releases: (() => void)[] = [];
    one.outcome = () =>
      new Promise<MarkersOutcome>((resolve) => {
        releases.push(() => resolve('written'));
      });
    const request = { transactionalId: ID, ...pick(open), commit: true, protocol: 2 } as const;
    const ends = [1, 2, 3].map(() => one.coordinator.end(request, NO_LIMIT));
    await its.world.clock.advance(1);
    for (const release of releases) release();
    expect((await run(Promise.all(ends))).map(outcomeOf)).toEqual(['ok', 'ok', 'ok']);
    expect(one.written).toHaveLength(2);
  });

  it.each(['over', 'timedOut'] as const)('answers markers that come to %s', async (outcome) => {
    const open = await its.open(one);
    one.outcome = () => outcome;
    const answered = await end(one, open);
    expect(outcomeOf(answered)).toBe(outcome === 'over' ? 'ok' : 'CONCURRENT_TRANSACTIONS');
    expect((await its.stored()).status).toBe('PrepareCommit');
    one.outcome = () => 'written';
    expect(outcomeOf(await end(one, open))).toBe('ok');
    expect((await its.stored()).status).toBe('CompleteCommit');
  });

  it('aborts what has timed out before the request of its producer, who is fenced', async () => {
    const open = await its.open(one);
    await its.world.clock.advance(MINUTE + 1);
    const more = { ...pick(open), transactionalId: ID, partitions: new Map([[OTHER_TOPIC, new Set([0])]]), groups: [] };
    expect(outcomeOf(await run(other.coordinator.add(more, NO_LIMIT)))).toBe('PRODUCER_FENCED');
    expect(await its.stored()).toMatchObject({ status: 'CompleteAbort', producerEpoch: 1 });
    expect(other.written.map(({ producerEpoch, commit }) => [producerEpoch, commit])).toEqual([
      [1, false],
      [1, false],
    ]);
  });

  it('does not abort at the very time-out', async () => {
    const open = await its.open(one);
    const timesOutAt = open.startedAt + open.timeoutMs;
    expect(await run(other.coordinator.meetProducer(open.producerId))).toBe(timesOutAt);
    await its.world.clock.advance(timesOutAt - its.world.clock.now());
    expect(await run(other.coordinator.meetProducer(open.producerId))).toBe(timesOutAt);
    await its.world.clock.advance(1);
    expect(await run(other.coordinator.meetProducer(open.producerId))).toBeUndefined();
    expect((await its.stored()).status).toBe('CompleteAbort');
  });

  it('knows nothing of a producer without a transactional id', async () => {
    expect(await run(one.coordinator.meetProducer(4_711))).toBeUndefined();
    expect(one.process.count('state.get')).toBe(1);
  });

  it('reads the transactional id of a producer once', async () => {
    const { producerId } = await its.open(one);
    await run(other.coordinator.meetProducer(producerId));
    const before = other.process.count('state.get');
    await run(other.coordinator.meetProducer(producerId));
    expect(other.process.count('state.get') - before).toBe(1);
  });

  it('says of a transaction by its number whether it is open', async () => {
    const { transaction, producerId, producerEpoch } = await its.open(one);
    expect(await run(other.coordinator.meet(ID, transaction))).toBe('open');
    expect(await run(other.coordinator.meet(ID, transaction - 1))).toBe('over');
    expect(await run(other.coordinator.meet('unknown', transaction))).toBe('over');
    await end(one, { producerId, producerEpoch }, false);
    expect(await run(other.coordinator.meet(ID, transaction))).toBe('over');
  });

  it('names a producer id before its item is there', async () => {
    one.process.faults = first(20, 'state.put', { refuse: 'unavailable' });
    await expect(its.begin(one)).rejects.toThrow(StoreUnavailableError);
    expect(await run(other.items.read(ID))).toBeUndefined();
  });

  it('gives out one epoch to one of several that begin at once', async () => {
    const request = { transactionalId: ID, timeoutMs: MINUTE, expected: undefined };
    const answers = await run(
      Promise.all([one, other, one, other].map((by) => by.coordinator.initProducerId(request, NO_LIMIT))),
    );
    const epochs = answers.map((answer) => (answer.kind === 'ok' ? answer.producerEpoch : -1));
    expect(epochs.sort()).toEqual([0, 1, 2, 3]);
    expect(new Set(answers.map((answer) => answer.kind === 'ok' && answer.producerId)).size).toBe(1);
  });
});
