import { expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import type { Entry } from '../../lib/journal/entry.ts';
import { appendBatch } from '../../lib/log/append-batch.ts';
import { encodeControlBatch } from '../../lib/records/control.ts';
import { readProducedBatch } from '../../lib/records/validate.ts';
import { entryPk, entrySk } from '../../lib/storage/items/journal-entry.ts';
import { encodeTopic, TOPIC_IDS_PK, TOPICS_PK, type TopicRecord } from '../../lib/storage/items/topic.ts';
import type { Fault, StoreCall } from '../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import type { GetResult, ItemStore } from '../../lib/storage/ports.ts';
import { putTopicCopy } from '../../lib/topics/create-topic.ts';
import { Topics } from '../../lib/topics/topics.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  produce,
  produceRequest,
  type TopicName,
} from '../support/requests.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { TOPIC_DEFAULTS } from '../support/topic-defaults.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Process } from './process.ts';

/** Each of these was a bug that the simulation found (docs/RELIABILITY.md has the seeds). */

const HOUR_MS = 60 * 60 * 1000;
const AWS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
  'tidelog.inline.max.bytes': '0',
  'tidelog.linger.ms': '0',
};

function emptyWorld(): { clock: VirtualClock; stores: MemoryStores } {
  const clock = new VirtualClock();
  return { clock, stores: memoryStores({ clock, random: seededRandom(1) }) };
}

async function finish<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let done = false;
  work.finally(() => {
    done = true;
  });
  await clock.runUntil(() => done, HOUR_MS);
  return work;
}

function values(engine: Engine, topic: TopicName, from: number) {
  return fetch(engine.client, topic, { offset: from }).then(({ errorCode: error, records }) => ({
    error,
    offsets: batchesIn(records).map(({ header }) => header.baseOffset),
  }));
}

const producer = { producerId: 7, producerEpoch: 0 };

function abortMarker(time: number): Entry {
  const bytes = encodeControlBatch({ type: 'abort', ...producer, coordinatorEpoch: 0, timestamp: time, baseOffset: 1 });
  const offsets = { partition: 0, baseOffset: 1, lastOffsetDelta: 0, maxTimestamp: time };
  const meta = { ...offsets, ...producer, baseSequence: -1, transactional: true, control: true };
  const batches = [{ ...meta, position: 0, size: bytes.length }];
  return { kind: 'markers', time, ...producer, commit: false, batches, payload: { kind: 'inline', bytes } };
}

/** A topic with so many entries of one record each. */
async function filled(engine: Engine, entries: number): Promise<TopicName> {
  const topic = await createTopic(engine.client, 'orders');
  for (let count = 0; count < entries; count++) {
    await produce(engine.client, topic, batchOf([`${count}`], { timestamp: 1_700_000_000_000 }));
  }
  return topic;
}

async function raiseLogStart(engine: Engine, offset: number): Promise<void> {
  const open = await engine.journalOf('orders');
  const starts = [{ partition: 0, offset }];
  await open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts }), Number.POSITIVE_INFINITY);
}

it('a process whose clocks stood still refuses no timestamp by the time that it remembers', async () => {
  const { clock, stores } = emptyWorld();
  const process = new Process('frozen', clock, 0);
  const engine = await startEngine({ stores: stores.client({ clock: process.clock }), clock: process.clock });
  const topic = await createTopic(engine.client, 'orders');
  await produce(engine.client, topic, batchOf(['before'], { timestamp: clock.now() }));
  process.freeze();
  await clock.advance(2 * HOUR_MS);
  process.thaw(true);
  expect(await produce(engine.client, topic, batchOf(['after'], { timestamp: clock.now() }))).toMatchObject({
    errorCode: 0,
    baseOffset: 1,
  });
  const early = batchOf(['far ahead'], { timestamp: clock.now() + 2 * HOUR_MS });
  expect((await produce(engine.client, topic, early)).errorCode).toBe(errorCode('INVALID_TIMESTAMP'));
});

it('a new process reads from the log start although its index leads to slots that were deleted', async () => {
  const { clock, stores } = emptyWorld();
  const engine = await startEngine({ stores, clock });
  const topic = await filled(engine, 300);
  await raiseLogStart(engine, 20);
  await engine.close();
  for (let seq = 0; seq <= 20; seq++) await stores.journal.delete(entryPk(`${topic.id}/0`), entrySk(seq), seq);
  const cold = await startEngine({ stores: stores.client(), clock });
  expect((await values(cold, topic, 20)).offsets.slice(0, 3)).toEqual([20, 21, 22]);
  expect((await values(cold, topic, 19)).error).toBe(errorCode('OFFSET_OUT_OF_RANGE'));
});

it('a read under way skips nothing when the log start moves on', async () => {
  const { clock, stores } = emptyWorld();
  const engine = await startEngine({ stores, clock });
  const topic = await filled(engine, 600);
  await engine.close();
  const faults = (call: StoreCall): Fault | undefined => {
    const reads = call.store === 'journal' && call.operation === 'query';
    return reads && call.consistent === false ? { delayAfterMs: 100, cutPageTo: 2 } : undefined;
  };
  const cold = await startEngine({ stores: stores.client({ faults }), clock });
  const open = await finish(clock, cold.journalOf('orders'));
  const reading = values(cold, topic, 0);
  await raiseLogStart(engine, 590);
  await finish(clock, open.journal.catchUp(true));
  expect((await finish(clock, reading)).offsets).toEqual([0]);
});

it('a read under way keeps what was aborted when the log start moves on', async () => {
  const { clock, stores } = emptyWorld();
  const engine = await startEngine({ stores, clock });
  const topic = await createTopic(engine.client, 'orders');
  const open = await engine.journalOf('orders');
  const { config } = (await engine.broker.admin.topics.get('orders'))!;
  const records = batchOf(['aborted'], { timestamp: clock.now(), ...producer, baseSequence: 0, isTransactional: true });
  const deadline = Number.POSITIVE_INFINITY;
  const produced = readProducedBatch(records);
  await appendBatch({ open, partition: 0, config, produced, allowsZstd: true, deadline, transactionVerified: true });
  await open.writer.appendEntry((_, time) => abortMarker(time), deadline);
  await produce(engine.client, topic, batchOf(['after'], { timestamp: clock.now() }));
  const faults = (call: StoreCall): Fault | undefined =>
    call.operation === 'query' && call.consistent === false ? { delayAfterMs: 100 } : undefined;
  const settings = { 'tidelog.cache.bytes': '0' };
  const cold = await startEngine({ stores: stores.client({ faults }), clock, settings });
  const view = await cold.journalOf('orders');
  const reading = fetch(cold.client, topic, { committed: true });
  await raiseLogStart(engine, 2);
  await finish(clock, view.journal.catchUp(true));
  expect((await finish(clock, reading)).abortedTransactions).toEqual([{ producerId: 7, firstOffset: 0 }]);
});

it('small objects are read at the same time, so that a fetch ends before its client gives up', async () => {
  const { clock, stores } = emptyWorld();
  const engine = await startEngine({ stores, clock, settings: AWS });
  const topic = await filled(engine, 60);
  const latency = (call: StoreCall) => ({ beforeMs: call.store === 'blobs' ? 150 : 5, afterMs: 0 });
  const cold = await finish(clock, startEngine({ stores: stores.client({ latency }), clock, settings: AWS }));
  const startedAt = clock.monotonic();
  expect((await finish(clock, values(cold, topic, 0))).offsets).toHaveLength(60);
  expect(clock.monotonic() - startedAt).toBeLessThan(1_000);
});

it('a copy of a topic never replaces a newer one', async () => {
  const { clock, stores } = emptyWorld();
  const engine = await startEngine({ stores, clock });
  const topic = await createTopic(engine.client, 'orders');
  const { admin } = engine.broker;
  const { record } = (await admin.topics.get('orders'))!;
  const version = record.createdAt;
  await putTopicCopy(admin, { ...record, deletedAt: version + 2 }, version + 2);
  await putTopicCopy(admin, { ...record, partitions: 2 }, version + 1);
  const copy = await stores.state.get(TOPIC_IDS_PK, topic.id, true);
  expect(copy.item?.version).toBe(version + 2);
});

it('who asks for a topic because it was changed is not told of it as it was before', async () => {
  const { clock, stores } = emptyWorld();
  const record: TopicRecord = {
    id: 'AAAAAAAAAAAAAAAAAAAAAQ',
    name: 'orders',
    partitions: 1,
    journals: 1,
    replicationFactor: 1,
    configs: {},
    createdAt: 1,
  };
  const write = (partitions: number, version: number) =>
    stores.state.put(
      { pk: TOPICS_PK, sk: 'orders', version, nonce: `n${version}`, body: encodeTopic({ ...record, partitions }) },
      version === 1 ? { kind: 'absent' } : { kind: 'version', version: version - 1 },
    );
  await write(1, 1);
  const answers: (() => void)[] = [];
  const slow: Pick<ItemStore, 'get'> = {
    get: async (...key): Promise<GetResult> => {
      const answer = await stores.state.get(...key);
      await new Promise<void>((resolve) => answers.push(resolve));
      return answer;
    },
  };
  const topics = new Topics({ ...stores.state, ...slow }, clock, TOPIC_DEFAULTS);
  const before = topics.read('orders');
  await clock.advance(1);
  await write(2, 2);
  const after = topics.read('orders');
  for (let step = 0; step < 2; step++) {
    answers.shift()?.();
    await clock.advance(1);
  }
  expect((await before)?.record.partitions).toBe(1);
  expect((await after)?.record.partitions).toBe(2);
});

it("a new producer's later batches do not get in before the first one that failed", async () => {
  const { clock, stores } = emptyWorld();
  const first = await startEngine({ stores, clock });
  const topic = await createTopic(first.client, 'orders');
  let refusals = 1;
  const faults = (call: StoreCall): Fault | undefined =>
    call.operation === 'get' && call.key === TOPICS_PK && refusals-- > 0 ? { refuse: 'throttled' } : undefined;
  const cold = await startEngine({ stores: stores.client({ faults }), clock });
  const sequenced = (baseSequence: number) => ({ producerId: 7, producerEpoch: 0, baseSequence });
  const send = async (sequence: number) => {
    const batch = batchOf([`${sequence}`], { timestamp: clock.now(), ...sequenced(sequence) });
    const { responses } = await cold.client.ask(ApiKey.Produce, 9, produceRequest(topic, batch));
    return responses[0]!.partitionResponses[0]!.errorCode;
  };
  const refused = [errorCode('KAFKA_STORAGE_ERROR'), errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER')];
  expect(await Promise.all([send(0), send(1)])).toEqual(refused);
  expect(await Promise.all([send(0), send(1)])).toEqual([0, 0]);
  expect(await send(2)).toBe(0);
});
