import { beforeEach, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { readBatchHeader } from '../../lib/records/batch.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, produce, type TopicName } from '../support/requests.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const T0 = 1_700_000_000_000;

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let topic: TopicName;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
  topic = await createTopic(engine.client, 'described', { partitions: 2 });
});

/** Appends a batch whose transaction the coordinator does not know. */
async function hang(producerId: number): Promise<void> {
  const open = await engine.journalOf(topic.name);
  const identity = { producerId, producerEpoch: 3, baseSequence: 0 };
  const bytes = batchOf(['a', 'b'], { ...identity, timestamp: T0, isTransactional: true });
  const { lastOffsetDelta, maxTimestamp } = readBatchHeader(bytes);
  const verified = { transactional: true, transactionVerified: true };
  await open.writer.append({ ...identity, ...verified, partition: 0, lastOffsetDelta, maxTimestamp, bytes }, FOREVER);
}

const describeProducers = (name: string, partitionIndexes: number[], from = engine) =>
  from.client.ask(ApiKey.DescribeProducers, 0, { topics: [{ name, partitionIndexes }] });

it('shows idempotent and transactional producers, in every process', async () => {
  const options = { producerId: 8, producerEpoch: 1, baseSequence: 0, timestamp: T0 + 5 };
  expect(await produce(engine.client, topic, batchOf(['v'], options))).toMatchObject({ errorCode: 0 });
  await hang(9);
  const expected = [
    {
      ...{ producerId: 8, producerEpoch: 1, lastSequence: 0, lastTimestamp: T0 + 5 },
      ...{ coordinatorEpoch: -1, currentTxnStartOffset: -1 },
    },
    {
      ...{ producerId: 9, producerEpoch: 3, lastSequence: 1, lastTimestamp: T0 + 1 },
      ...{ coordinatorEpoch: -1, currentTxnStartOffset: 1 },
    },
  ];
  for (const one of [engine, await startEngine({ stores })]) {
    const { topics } = await describeProducers(topic.name, [0, 1], one);
    expect(topics[0]!.partitions).toMatchObject([
      { partitionIndex: 0, errorCode: 0, activeProducers: expected },
      { partitionIndex: 1, errorCode: 0, activeProducers: [] },
    ]);
  }
});

it('answers for each partition that cannot be described', async () => {
  const problem = async (name: string, partition: number) => {
    const { topics } = await describeProducers(name, [partition]);
    return topics[0]!.partitions[0]!.errorCode;
  };
  expect(await problem(topic.name, 2)).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'));
  expect(await problem(topic.name, -1)).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'));
  expect(await problem('missing', 0)).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'));
  expect(await problem('in valid', 0)).toBe(errorCode('INVALID_TOPIC_EXCEPTION'));
  expect(await problem('__consumer_offsets', 0)).toBe(0);
});
