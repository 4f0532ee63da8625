import { describe, expect, it } from 'vitest';
import type { KafkaClient } from '../../../../lib/cli/client/kafka-client.ts';
import { TopicReader } from '../../../../lib/cli/consume/topic-reader.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import { ERROR_CODES } from '../../../../lib/core/errors.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { batchOf } from '../../../support/requests.ts';

const TOPIC = 't';
const LEADER = 1;
const VALUES = ['a', 'b', 'c'];

interface AskedPartition {
  readonly partition: number;
  readonly fetchOffset: number;
}

/** A broker with two partitions of the same records; its first answer has those of one, and refuses the other one. */
function brokerThatRefusesOnce(refused: number, code: number): KafkaClient {
  let fetches = 0;
  const fetched = ({ partition, fetchOffset }: AskedPartition) => {
    const isRefused = fetches === 1 && partition === refused;
    const records = !isRefused && fetchOffset === 0 ? batchOf(VALUES) : Buffer.alloc(0);
    return { partitionIndex: partition, errorCode: isRefused ? code : 0, abortedTransactions: null, records };
  };
  const metadata = {
    brokers: [],
    topics: [
      {
        name: TOPIC,
        topicId: '',
        isInternal: false,
        errorCode: 0,
        partitions: [0, 1].map((partitionIndex) => ({
          partitionIndex,
          errorCode: 0,
          leaderId: LEADER,
          replicaNodes: [LEADER],
        })),
      },
    ],
  };
  const client = {
    learnNodes() {},
    async ask(key: ApiKey, body: unknown) {
      if (key === ApiKey.Metadata) return metadata;
      fetches++;
      const { topics } = (body as (version: number) => { topics: { partitions: AskedPartition[] }[] })(12);
      return { errorCode: 0, responses: [{ topic: TOPIC, partitions: topics[0]!.partitions.map(fetched) }] };
    },
  };
  return client as unknown as KafkaClient;
}

describe('a reader of a topic', () => {
  it.each([
    ['behind', 1],
    ['before', 0],
  ])('hands out what came in an answer that refuses a partition %s it', async (_, refused) => {
    const read: string[] = [];
    await readerOf(brokerThatRefusesOnce(refused, ERROR_CODES.NOT_LEADER_OR_FOLLOWER), read).run();
    expect(read.sort()).toEqual([0, 1].flatMap((partition) => VALUES.map((value) => `${partition}:${value}`)));
  });

  // As Kafka's consumer (FetchCollector.handleInitializeErrors): asking again would find the same.
  it('ends where a broker cannot read what it has stored', async () => {
    const corrupt = readerOf(brokerThatRefusesOnce(1, ERROR_CODES.CORRUPT_MESSAGE), []).run();
    await expect(corrupt).rejects.toThrow(/t-1 was not read.*CORRUPT_MESSAGE/);
  });
});

/** A reader of both partitions, which tells in `read` what it has handed out. */
function readerOf(client: KafkaClient, read: string[]): TopicReader {
  const partitions = [0, 1].map((index) => ({ index, leader: LEADER }));
  return new TopicReader({
    client,
    clock: systemClock,
    topics: [{ name: TOPIC, id: '', isInternal: false, replicationFactor: 1, partitions }],
    ranges: [0, 1].map((partition) => ({ topic: TOPIC, partition, start: 0, stop: VALUES.length })),
    committed: false,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    sink: {
      onRecord(record, _topic, partition) {
        read.push(`${partition}:${String(record.value)}`);
        return true;
      },
      onProgress() {},
      onBatch: () => undefined,
      async onAnswer() {},
      warn() {},
    },
  });
}
