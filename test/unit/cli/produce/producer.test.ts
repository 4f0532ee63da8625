import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../../../../lib/cli/client/connection-problem.ts';
import type { KafkaClient } from '../../../../lib/cli/client/kafka-client.ts';
import { Producer } from '../../../../lib/cli/produce/producer.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import { ERROR_CODES } from '../../../../lib/core/errors.ts';
import { readBatchHeader } from '../../../../lib/records/batch.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { settled } from '../../../support/settled.ts';

const TOPIC = { name: 't', id: '', isInternal: false, replicationFactor: 1, partitions: [{ index: 0, leader: 0 }] };

type Answer = number | 'lost' | 'held';

/** A broker that answers produce requests as `answers` says, with an error code each, and writes down what it was sent. */
function fakeBroker(answers: (baseSequence: number, attempt: number) => Answer, idErrors: (number | 'lost')[] = []) {
  const sequences: number[] = [];
  const held: (() => void)[] = [];
  const answer = (errorCode: number) => ({
    responses: [{ partitionResponses: [{ errorCode, errorMessage: null, baseOffset: 0, recordErrors: [] }] }],
  });
  const client = {
    learnNodes() {},
    async ask(key: ApiKey, request: { topicData: { partitionData: { records: Buffer[] }[] }[] }) {
      if (key === ApiKey.InitProducerId) {
        const errorCode = idErrors.shift() ?? 0;
        if (errorCode === 'lost') throw new ConnectionError('lost', { kind: 'closed' });
        return { errorCode, producerId: 5, producerEpoch: 0 };
      }
      if (key === ApiKey.Metadata) {
        const partition = { errorCode: 0, partitionIndex: 0, leaderId: 0, replicaNodes: [0] };
        return {
          brokers: [],
          topics: [{ errorCode: 0, name: 't', topicId: '', isInternal: false, partitions: [partition] }],
        };
      }
      const { baseSequence } = readBatchHeader(request.topicData[0]!.partitionData[0]!.records[0]!);
      const told = answers(baseSequence, sequences.filter((one) => one === baseSequence).length);
      sequences.push(baseSequence);
      if (told === 'lost') throw new ConnectionError('lost', { kind: 'closed' });
      if (told === 'held') await new Promise<void>((resolve) => held.push(resolve));
      return answer(told === 'held' ? 0 : (told as number));
    },
  } as unknown as KafkaClient;
  return { client, sequences, held };
}

function open(client: KafkaClient, batchBytes: number, timeoutMs = 5_000): Promise<Producer> {
  const random = seededRandom(1);
  return Producer.open({
    client,
    clock: systemClock,
    random,
    topic: TOPIC,
    codec: 0,
    acks: -1,
    idempotent: true,
    batchBytes,
    timeoutMs,
  });
}

const record = (bytes: number) => ({ key: null, value: Buffer.alloc(bytes), headers: [] });

describe('Producer', () => {
  it('asks again for a producer id while the broker is getting some', async () => {
    const left = [ERROR_CODES.COORDINATOR_LOAD_IN_PROGRESS, ERROR_CODES.COORDINATOR_LOAD_IN_PROGRESS];
    await open(fakeBroker(() => 0, left).client, 1);
    expect(left).toEqual([]);
    const { client } = fakeBroker(() => 0, [ERROR_CODES.CLUSTER_AUTHORIZATION_FAILED]);
    await expect(open(client, 1)).rejects.toThrow('The broker gave no producer id: CLUSTER_AUTHORIZATION_FAILED');
  });

  it('asks again for a producer id over a new connection when the first is lost, until its time is over', async () => {
    const left: 'lost'[] = ['lost', 'lost'];
    await open(fakeBroker(() => 0, left).client, 1);
    expect(left).toEqual([]);
    const { client } = fakeBroker(() => 0, Array(1_000).fill('lost'));
    await expect(open(client, 1, 150)).rejects.toThrow('lost');
  });

  it('holds a bounded number of bytes while the broker does not answer', async () => {
    const { client, held, sequences } = fakeBroker(() => 'held');
    const producer = await open(client, 1_000_000);
    let added = 0;
    while (!producer.isFull) {
      producer.add(record(100_000), 100_000);
      added += 100_000;
    }
    expect(added).toBeLessThan(17 * 1024 * 1024);
    expect(sequences.length).toBe(5);
    let hasRoom = false;
    const room = producer.room().then(() => {
      hasRoom = true;
    });
    await settled();
    expect(hasRoom).toBe(false);
    held.shift()!();
    await room;
  });

  it('sends everything again in order behind a batch that was lost or came out of order', async () => {
    const { client, sequences } = fakeBroker((sequence, attempt) => {
      if (attempt > 0) return 0;
      if (sequence === 1) return 'lost';
      return sequence > 1 ? ERROR_CODES.OUT_OF_ORDER_SEQUENCE_NUMBER : 0;
    });
    const producer = await open(client, 1);
    for (let i = 0; i < 5; i++) producer.add(record(10), 10);
    await producer.finish();
    expect(sequences).toEqual([0, 1, 2, 3, 4, 1, 2, 3, 4]);
    expect([producer.storedRecords, producer.storedBytes]).toEqual([5, 50]);
  });

  it('takes what the broker has already for stored', async () => {
    const { client } = fakeBroker(() => ERROR_CODES.DUPLICATE_SEQUENCE_NUMBER);
    const producer = await open(client, 1);
    producer.add(record(10), 10);
    await producer.finish();
    expect(producer.totals).toEqual([{ partition: 0, records: 1, firstOffset: undefined, lastOffset: undefined }]);
  });

  it.each([
    [
      'an error that does not pass',
      () => ERROR_CODES.INVALID_RECORD,
      /^Record 1 was not stored in t-0: INVALID_RECORD/,
    ],
    [
      'an order that is wrong from the start',
      () => ERROR_CODES.OUT_OF_ORDER_SEQUENCE_NUMBER,
      /OUT_OF_ORDER_SEQUENCE_NUMBER/,
    ],
    ['trouble that stays', () => ERROR_CODES.NOT_LEADER_OR_FOLLOWER, /NOT_LEADER_OR_FOLLOWER/],
    ['a connection that stays away', () => 'lost' as const, /^lost$/],
  ])('fails for %s', async (_, told, message) => {
    const { client } = fakeBroker(told);
    const producer = await open(client, 1, 300);
    producer.add(record(10), 10);
    await expect(producer.finish()).rejects.toThrow(message);
    expect(producer.failed.aborted).toBe(true);
  });
});
