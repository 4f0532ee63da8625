import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../../lib/core/errors.ts';
import { readBatchHeader } from '../../../lib/records/batch.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { decideBy } from '../../support/authorizer.ts';
import { type Engine, emptyStores, startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { batchOf, createTopic, deleteTopic, fetch, type TopicName } from '../../support/requests.ts';

const FOREVER = Number.POSITIVE_INFINITY;

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let orders: TopicName;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
  orders = await createTopic(engine.client, 'orders', { partitions: 3, configs: { 'tidelog.journals': '2' } });
});

async function started(id: string): Promise<RawTransactor> {
  const transactor = new RawTransactor(engine.client, id);
  expect(await transactor.init()).toBe(0);
  return transactor;
}

async function list(version = 2, filters: object = {}, from = engine) {
  const request = { stateFilters: [], producerIdFilters: [], ...filters };
  const answer = await from.client.ask(ApiKey.ListTransactions, version, request);
  return {
    error: answer.errorCode,
    unknown: answer.unknownStateFilters,
    states: answer.transactionStates.map(
      ({ transactionalId, transactionState }) => `${transactionalId} ${transactionState}`,
    ),
  };
}

async function describeOne(transactionalId: string, from = engine) {
  const answer = await from.client.ask(ApiKey.DescribeTransactions, 0, { transactionalIds: [transactionalId] });
  return answer.transactionStates[0]!;
}

/** Appends a batch of a transaction that the coordinator does not know. */
async function hang(producerId: number, producerEpoch = 0, partition = 0): Promise<void> {
  const open = await engine.journalOf(orders.name, partition);
  const identity = { producerId, producerEpoch, baseSequence: 0 };
  const bytes = batchOf(['h'], { ...identity, isTransactional: true });
  const { lastOffsetDelta, maxTimestamp } = readBatchHeader(bytes);
  const verified = { transactional: true, transactionVerified: true };
  await open.writer.append({ ...identity, ...verified, partition, lastOffsetDelta, maxTimestamp, bytes }, FOREVER);
}

interface Marker {
  readonly producerId: number;
  readonly producerEpoch?: number;
  readonly partitions?: number[];
  readonly topic?: string;
  readonly commit?: boolean;
  readonly transactionVersion?: number;
}

/** WriteTxnMarkers; the errors of the partitions. */
async function mark({ producerId, producerEpoch = 0, ...rest }: Marker, from = engine): Promise<number[]> {
  const { partitions: partitionIndexes = [0], topic: name = orders.name, commit = false } = rest;
  const marker = { producerId, producerEpoch, transactionResult: commit, coordinatorEpoch: 0 };
  const { transactionVersion } = rest;
  const version = transactionVersion === undefined ? 1 : 2;
  const { markers } = await from.client.ask(ApiKey.WriteTxnMarkers, version, {
    markers: [
      {
        ...marker,
        topics: [{ name, partitionIndexes }],
        ...(transactionVersion !== undefined && { transactionVersion }),
      },
    ],
  });
  expect(markers).toMatchObject([{ producerId, topics: [{ name }] }]);
  return markers[0]!.topics[0]!.partitions.map((partition) => partition.errorCode);
}

const stable = async (partition = 0) =>
  Number((await fetch(engine.client, orders, { committed: true, partition })).lastStableOffset);
const codes = (...names: ErrorName[]) => names.map(errorCode);

describe('ListTransactions', () => {
  it('lists every id in every process, in all states', async () => {
    const [open, done, gone] = [await started('open'), await started('done'), await started('gone')];
    await started('idle');
    await open.send(orders, ['a']);
    await done.send(orders, ['b']);
    await done.commit();
    await gone.send(orders, ['c']);
    await gone.abort();
    const states = ['done CompleteCommit', 'gone CompleteAbort', 'idle Empty', 'open Ongoing'];
    for (const one of [engine, await startEngine({ stores })]) {
      for (const version of [0, 1, 2]) expect(await list(version, {}, one)).toEqual({ error: 0, unknown: [], states });
    }
  });

  it('is filtered by all that the request names', async () => {
    const open = await started('payments-1');
    await open.send(orders, ['a']);
    await started('payments-2');
    await started('orders-1');
    const states = async (filters: object) => (await list(2, filters)).states;
    expect(await states({ stateFilters: ['Ongoing', 'Dead'] })).toEqual(['payments-1 Ongoing']);
    expect(await states({ producerIdFilters: [open.producerId, 999_999] })).toEqual(['payments-1 Ongoing']);
    expect(await states({ transactionalIdPattern: 'payments-[0-9]+' })).toHaveLength(2);
    expect(await states({ transactionalIdPattern: 'payments' })).toEqual([]);
    expect(await states({ transactionalIdPattern: '' })).toHaveLength(3);
    expect(await states({ durationFilter: 3_600_000, stateFilters: ['Ongoing'] })).toEqual([]);
    expect(await states({ durationFilter: 0, producerIdFilters: [open.producerId] })).toHaveLength(1);
  });

  it('names the states that it does not know, and refuses a pattern that is none', async () => {
    await started('a');
    expect(await list(2, { stateFilters: ['Open', 'PrepareEpochFence'] })).toEqual({
      error: 0,
      unknown: ['Open'],
      states: [],
    });
    expect(await list(2, { transactionalIdPattern: '(' })).toMatchObject({
      error: errorCode('INVALID_REGULAR_EXPRESSION'),
      states: [],
    });
  });

  it('leaves out ids that the client may not describe', async () => {
    for (const id of ['mine', 'yours']) await started(id);
    const authorize = decideBy((_, resource) => !('name' in resource) || resource.name !== 'yours');
    expect((await list(2, {}, await startEngine({ stores, authorize }))).states).toEqual(['mine Empty']);
  });
});

describe('DescribeTransactions', () => {
  it('shows an open transaction with its partitions, and its groups as those of __consumer_offsets', async () => {
    const open = await started('open');
    for (const partition of [2, 0]) await open.send(orders, ['a'], partition);
    const { transactionalId, producerId, producerEpoch } = open;
    await engine.client.ask(ApiKey.AddOffsetsToTxn, 4, {
      transactionalId,
      producerId,
      producerEpoch,
      groupId: 'billing',
    });
    expect(await describeOne('open')).toMatchObject({
      ...{ errorCode: 0, transactionState: 'Ongoing', transactionTimeoutMs: 60_000, producerId, producerEpoch },
      topics: [
        { topic: 'orders', partitions: [0, 2] },
        // Kafka's own place of that group: see test/compat/transactions-tools.test.ts.
        { topic: '__consumer_offsets', partitions: [9] },
      ],
    });
    await open.commit();
    const ended = await describeOne('open');
    expect(ended).toMatchObject({ transactionState: 'CompleteCommit', producerEpoch: producerEpoch + 1, topics: [] });
    expect(ended.transactionStartTimeMs).toBeGreaterThan(0);
    await started('open');
    expect(await describeOne('open')).toMatchObject({ transactionState: 'Empty', transactionStartTimeMs: -1 });
  });

  it('leaves out a topic that was deleted, or that the client may not describe', async () => {
    const other = await createTopic(engine.client, 'other');
    const open = await started('open');
    for (const topic of [orders, other]) await open.send(topic, ['a']);
    const authorize = decideBy((_, resource) => !('name' in resource) || resource.name !== 'other');
    const topics = [{ topic: 'orders', partitions: [0] }];
    expect(await describeOne('open', await startEngine({ stores, authorize }))).toMatchObject({ topics });
    await deleteTopic(engine.client, other.name);
    expect(await describeOne('open', await startEngine({ stores }))).toMatchObject({ topics });
  });

  it('answers for ids that it does not know', async () => {
    expect(await describeOne('missing')).toMatchObject({ errorCode: errorCode('TRANSACTIONAL_ID_NOT_FOUND') });
    expect(await describeOne('')).toMatchObject({ errorCode: errorCode('INVALID_REQUEST') });
    expect(await describeOne('x'.repeat(10_000))).toMatchObject({ errorCode: errorCode('TRANSACTIONAL_ID_NOT_FOUND') });
  });
});

describe('WriteTxnMarkers', () => {
  it('ends a hanging transaction, in every version, and nothing else', async () => {
    const open = await started('open');
    await open.send(orders, ['a'], 1);
    await hang(7_000_000);
    await hang(7_000_001);
    expect(await stable()).toBe(0);
    expect(await mark({ producerId: 7_000_000 })).toEqual([0]);
    expect(await stable()).toBe(1);
    expect(await mark({ producerId: 7_000_001, producerEpoch: 1, transactionVersion: 2 })).toEqual([0]);
    expect(await stable()).toBe(4);
    expect(await stable(1)).toBe(0);
    expect(await open.commit()).toBe(0);
  });

  it('may be repeated, and commits if it is told to', async () => {
    await hang(7_000_000);
    for (let count = 0; count < 3; count++) expect(await mark({ producerId: 7_000_000, commit: true })).toEqual([0]);
    const { records, abortedTransactions, lastStableOffset } = await fetch(engine.client, orders, { committed: true });
    expect([records?.length ?? 0, abortedTransactions?.length, Number(lastStableOffset)]).toEqual([
      ...[expect.any(Number), 0, 2],
    ]);
  });

  it('refuses an epoch that is over, and what does not exist', async () => {
    await hang(7_000_000, 5);
    expect(await mark({ producerId: 7_000_000, producerEpoch: 4 })).toEqual(codes('INVALID_PRODUCER_EPOCH'));
    const same = { producerId: 7_000_000, producerEpoch: 5, transactionVersion: 2 };
    expect(await mark(same)).toEqual(codes('INVALID_PRODUCER_EPOCH'));
    expect(await mark({ producerId: 1, partitions: [2, 3, -1] })).toEqual([
      ...codes('NONE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'),
    ]);
    expect(await mark({ producerId: 1, topic: 'missing' })).toEqual(codes('UNKNOWN_TOPIC_OR_PARTITION'));
    expect(await mark({ producerId: 1, topic: '__consumer_offsets' })).toEqual(codes('INVALID_TOPIC_EXCEPTION'));
    expect(await stable()).toBe(0);
  });

  it.each(['ALTER', 'CLUSTER_ACTION'] as const)('needs %s on the cluster, or the other right', async (right) => {
    await hang(7_000_000);
    const none = await startEngine({ stores, authorize: decideBy(() => false) });
    expect(await mark({ producerId: 7_000_000 }, none)).toEqual(codes('CLUSTER_AUTHORIZATION_FAILED'));
    expect(await stable()).toBe(0);
    const allowed = await startEngine({ stores, authorize: decideBy((operation) => operation === right) });
    expect(await mark({ producerId: 7_000_000 }, allowed)).toEqual([0]);
    expect(await stable()).toBe(2);
  });
});

it('InitProducerId of an administrator aborts an open transaction and fences its producer', async () => {
  const open = await started('open');
  await open.send(orders, ['a']);
  expect(await open.copy().init()).toBe(0);
  expect(await describeOne('open')).toMatchObject({ transactionState: 'Empty', producerEpoch: 2 });
  expect(await stable()).toBe(2);
  expect(await open.commit()).toBe(errorCode('PRODUCER_FENCED'));
});
