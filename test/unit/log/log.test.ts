import { beforeEach, describe, expect, it } from 'vitest';
import type { Access, Authorize, Decisions } from '../../../lib/auth/authorize.ts';
import { Solo } from '../../../lib/cluster/solo.ts';
import type { RequestContext } from '../../../lib/core/context.ts';
import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import type { LogEnvironment } from '../../../lib/log/environment.ts';
import { HeldReaders } from '../../../lib/log/held-readers.ts';
import { type Log, openLog } from '../../../lib/log/log.ts';
import type { TopicReference } from '../../../lib/log/partitions.ts';
import { ReadBudget } from '../../../lib/log/read-budget.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import type { Topic } from '../../../lib/topics/topics.ts';
import { batchOf } from '../../support/requests.ts';
import { T0 } from '../journal/world.ts';
import { type AdminProcess, type AdminWorld, createAdminWorld } from '../topics/world.ts';

const ADDRESS = { host: 'here', port: 9092 };

const CONTEXT: RequestContext = {
  principal: 'User:somebody',
  clientId: '',
  host: '10.0.0.1',
  listener: 'PLAINTEXT',
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

const TERMS = { timeoutMs: 30_000, allowsZstd: true };
const FETCH = { isolation: 'read_uncommitted', minBytes: 0, maxWaitMs: 0, waitedMs: 0, maxBytes: 1e6 } as const;
const PRODUCER = { producerId: 7, producerEpoch: 0 };

let world: AdminWorld;
let process: AdminProcess;
let orders: Topic;
let asked: string[][];

/** A log in a process of its own; `decide` answers who may use which topic. */
function logOf(by: AdminProcess, decide: (accesses: readonly Access[]) => ReturnType<Authorize>): Log {
  const env: LogEnvironment = {
    clock: world.clock,
    turns: by.env.turns,
    partitions: by.partitions,
    leadership: new Solo({
      nodeId: 3,
      rack: null,
      advertised: () => ADDRESS,
      journals: by.journals,
      items: {} as never,
    }),
    authorize: (context, accesses) => {
      expect(context).toBe(CONTEXT);
      asked.push(accesses.map(({ operation, resource }) => `${operation} ${'name' in resource ? resource.name : ''}`));
      return decide(accesses);
    },
    readBudget: new ReadBudget(1e9, () => 0),
    heldReaders: new HeldReaders({ meetProducer: async () => undefined }, world.clock),
    segments: {} as never,
    validation: 'full',
    transactions: { join: async () => ({ error: 'INVALID_TXN_STATE' }) },
  };
  return openLog(env);
}

/** Allows topics whose names do not begin with 'secret', for those that were asked about. */
function openOnes(accesses: readonly Access[]): Decisions {
  const known = new Set(accesses.map(({ operation, resource }) => `${operation} ${JSON.stringify(resource)}`));
  return {
    allows(operation, resource) {
      if (!known.has(`${operation} ${JSON.stringify(resource)}`)) throw new Error('this was not asked');
      return 'name' in resource && !resource.name.startsWith('secret');
    },
  };
}

const open = (by = process) => logOf(by, openOnes);
const named = (name: string): TopicReference => ({ name });
const batch = (topic: TopicReference, value: string, baseSequence?: number) => ({
  topic,
  partition: 0,
  records: batchOf([value], { timestamp: T0, ...(baseSequence === undefined ? {} : { ...PRODUCER, baseSequence }) }),
});
const produce = (log: Log, ...batches: ReturnType<typeof batch>[]) => log.produce(CONTEXT, batches, TERMS);
const errorsOf = (results: Awaited<ReturnType<Log['produce']>>) =>
  results.map((one) => (one.kind === 'rejected' ? one.error : one.baseOffset));

async function fetched(log: Log, ...topics: TopicReference[]) {
  const partitions = topics.map((topic) => ({ topic, partition: 0, offset: 0, maxBytes: 1e6, currentLeaderEpoch: -1 }));
  const result = await world.run(log.fetch(CONTEXT, partitions, FETCH));
  if (result.kind !== 'fetched') throw new Error(result.kind);
  return result.outcomes.map((one) => (one.kind === 'read' ? one.fetched.highWatermark : one.error));
}

beforeEach(async () => {
  world = await createAdminWorld();
  process = world.admin();
  orders = await world.created(process, 'orders');
  asked = [];
});

describe('the rights to topics', () => {
  it('are asked for once per request, before anything is looked up', async () => {
    const cold = world.admin();
    await world.created(process, 'payments');
    const log = logOf(cold, (accesses) => {
      expect(cold.calls).toEqual([]);
      return openOnes(accesses);
    });
    const batches = ['orders', 'secrets', 'payments', 'orders'].map((name, at) => ({
      ...batch(named(name), `${at}`),
      partition: at === 3 ? 1 : 0,
    }));
    const results = await world.run(produce(log, ...batches));
    expect(errorsOf(results)).toEqual([0, 'TOPIC_AUTHORIZATION_FAILED', 0, 'UNKNOWN_TOPIC_OR_PARTITION']);
    expect(asked).toEqual([['WRITE orders', 'WRITE secrets', 'WRITE payments']]);
  });

  it('to a topic that may not be used come before whether it exists, and nothing is read for it', async () => {
    const log = open();
    process.calls.length = 0;
    const offset = { partition: 0, currentLeaderEpoch: -1 };
    expect(errorsOf(await world.run(produce(log, batch(named('secret'), 'a'))))).toEqual([
      'TOPIC_AUTHORIZATION_FAILED',
    ]);
    expect(await fetched(log, named('secret'))).toEqual(['TOPIC_AUTHORIZATION_FAILED']);
    const listed = log.listOffsets(
      CONTEXT,
      [{ topic: named('secret'), position: 'latest', ...offset }],
      'read_committed',
    );
    expect(await world.run(listed)).toMatchObject([{ error: 'TOPIC_AUTHORIZATION_FAILED' }]);
    const ends = log.leaderEpochEnds(CONTEXT, [{ topic: named('secret'), leaderEpoch: 0, ...offset }]);
    expect(await world.run(ends)).toMatchObject([{ error: 'TOPIC_AUTHORIZATION_FAILED' }]);
    expect(process.calls).toEqual([]);
    expect(asked).toEqual([['WRITE secret'], ['READ secret'], ['DESCRIBE secret'], ['DESCRIBE secret']]);
  });

  it('to a topic that is named by its id are asked for with the others if it is known, else by themselves', async () => {
    const { id } = orders.record;
    await world.created(process, 'secret');
    expect(await fetched(open(), { id }, named('secret'))).toEqual([0, 'TOPIC_AUTHORIZATION_FAILED']);
    expect(asked).toEqual([['READ orders', 'READ secret']]);
    asked = [];
    expect(await fetched(open(world.admin()), { id }, named('other'), { id: ZERO_UUID })).toEqual([
      0,
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_ID',
    ]);
    expect(asked).toEqual([['READ other'], ['READ orders']]);
  });

  it('that cannot be decided are an error of the partitions, and nothing of their producer gets in first', async () => {
    let fails = true;
    const log = logOf(process, async (accesses) => {
      if (fails) throw new StoreUnavailableError('no rights to be had');
      return openOnes(accesses);
    });
    const first = produce(log, batch(named('orders'), 'first', 0));
    fails = false;
    const second = produce(log, batch(named('orders'), 'second', 1));
    expect(await world.run(first)).toMatchObject([{ error: 'KAFKA_STORAGE_ERROR', reason: 'no rights to be had' }]);
    expect(errorsOf(await world.run(second))).toEqual(['OUT_OF_ORDER_SEQUENCE_NUMBER']);
    expect(errorsOf(await world.run(produce(log, batch(named('orders'), 'first', 0))))).toEqual([0]);
  });
});

describe('the order of batches', () => {
  it('is that of the calls, at once where everything is at hand', async () => {
    const log = open();
    await world.run(produce(log, batch(named('orders'), 'opens the journal')));
    const { writer } = (await process.journals.open(`${orders.record.id}/0`))!;
    expect(writer.idle).toBe(true);
    const placed = produce(log, batch(named('orders'), 'b'));
    expect(writer.idle).toBe(false);
    expect(errorsOf(await world.run(placed))).toEqual([1]);
  });

  it.each([
    ['the topic has to be read first', false],
    ['the rights come late, the later ones first', true],
  ])('is that of the calls where %s', async (_, isLate) => {
    const late: (() => void)[] = [];
    const by = isLate ? process : world.admin();
    const log = logOf(by, (accesses) =>
      isLate ? new Promise((resolve) => late.push(() => resolve(openOnes(accesses)))) : openOnes(accesses),
    );
    const results = ['a', 'b', 'c'].map((value) => produce(log, batch(named('orders'), value)));
    for (const decide of late.reverse()) {
      await Promise.resolve();
      decide();
    }
    expect((await world.run(Promise.all(results))).map(errorsOf)).toEqual([[0], [1], [2]]);
  });

  it('belongs to one log: another one does not know whose batches failed', async () => {
    const [mine, other] = [world.admin(), world.admin()];
    const [log, otherLog] = [open(mine), open(other)];
    mine.faults = () => ({ refuse: 'unavailable' });
    const failed = await world.run(produce(log, batch(named('orders'), 'first', 0)));
    expect(errorsOf(failed)).toEqual(['KAFKA_STORAGE_ERROR']);
    mine.faults = () => undefined;
    const behind = batch(named('orders'), 'second', 1);
    expect(errorsOf(await world.run(produce(log, behind)))).toEqual(['OUT_OF_ORDER_SEQUENCE_NUMBER']);
    expect(errorsOf(await world.run(produce(otherLog, behind)))).toEqual([0]);
  });
});

describe('what is asked about partitions', () => {
  const offset = { topic: named('orders'), partition: 0, currentLeaderEpoch: -1 };

  it('comes in the order of the request, each with its own error', async () => {
    const log = open();
    await world.run(produce(log, batch(named('orders'), 'a')));
    const asks = [
      { ...offset, position: 'latest' },
      { ...offset, topic: named('nowhere'), position: 'latest' },
      { ...offset, position: 'earliest' },
      { ...offset, position: T0 },
    ] as const;
    expect(await world.run(log.listOffsets(CONTEXT, asks, 'read_uncommitted'))).toMatchObject([
      { error: 'NONE', offset: 1 },
      { error: 'UNKNOWN_TOPIC_OR_PARTITION', offset: -1 },
      { error: 'NONE', offset: 0 },
      { error: 'NONE', offset: 0, timestamp: T0 },
    ]);
    const ends = log.leaderEpochEnds(CONTEXT, [
      { ...offset, leaderEpoch: 0 },
      { ...offset, topic: named('nowhere'), leaderEpoch: 0 },
    ]);
    expect(await world.run(ends)).toMatchObject([
      { error: 'NONE', leaderEpoch: 0, endOffset: 1 },
      { error: 'UNKNOWN_TOPIC_OR_PARTITION', endOffset: -1 },
    ]);
  });

  it('is KAFKA_STORAGE_ERROR with the reason if the store cannot be read', async () => {
    const cold = world.admin();
    cold.faults = () => ({ refuse: 'unavailable' });
    const log = open(cold);
    const error = { error: 'KAFKA_STORAGE_ERROR', reason: expect.stringContaining('unavailable') };
    const listed = log.listOffsets(CONTEXT, [{ ...offset, position: 'latest' }], 'read_uncommitted');
    expect(await world.run(listed)).toMatchObject([error]);
    const ends = log.leaderEpochEnds(CONTEXT, [{ ...offset, leaderEpoch: 0 }]);
    expect(await world.run(ends)).toMatchObject([error]);
  });
});

it('names the leader of a partition that is open, and of no other', async () => {
  const log = open();
  expect(log.leaderOf(named('orders'), 0)).toBeUndefined();
  await fetched(log, named('orders'));
  expect(log.leaderOf(named('orders'), 0)).toEqual({ leaderId: 3, leaderEpoch: 0 });
  expect(log.leaderOf(named('orders'), 1)).toBeUndefined();
});
