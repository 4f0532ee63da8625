import { ApiKey } from '../../../lib/wire/apis.ts';
import { until } from '../../support/waiting.ts';
import type { Family, Speaker } from './speaker.ts';

/** Kafka creates the topic of its transactions first. */
const SETTLED = { withinMs: 20_000, everyMs: 20 };

/** Requests of transactions that are refused, in every version, and the lists of an administrator. */
export const transactions: Family = {
  name: 'transactions',
  async run(speaker) {
    await speaker.topic('txn', 2);
    const producer = await init(speaker, 'txn-refused');
    const { transactionalId, producerId, producerEpoch } = producer;
    const strangers = [
      ['an unknown id', { ...producer, transactionalId: 'txn-no-such' }],
      ['another producer id', { ...producer, producerId: producerId + 999 }],
      ['an epoch above', { ...producer, producerEpoch: producerEpoch + 1 }],
      ['an epoch below', { ...producer, producerEpoch: producerEpoch - 1 }],
    ] as const;
    const topics = [{ name: 'txn', partitions: [0, 1] }];
    for (const [who, one] of strangers) {
      await speaker.every(`of ${who}`, ApiKey.AddPartitionsToTxn, (version) => adding(version, one, topics));
      await speaker.every(`of ${who}`, ApiKey.AddOffsetsToTxn, () => ({ ...one, groupId: 'txn' }));
      await speaker.every(`of ${who}`, ApiKey.EndTxn, () => ({ ...one, committed: true }));
    }
    const missing = [{ name: 'txn-none', partitions: [0] }];
    await speaker.every('to what is not there', ApiKey.AddPartitionsToTxn, (version) =>
      adding(version, producer, missing),
    );
    await speaker.every('of nothing', ApiKey.EndTxn, () => ({ ...producer, committed: true }));
    await speaker.every('to what is not there', ApiKey.WriteTxnMarkers, () => ({
      markers: [
        {
          producerId,
          producerEpoch,
          transactionResult: false,
          topics: [{ name: 'txn-none', partitionIndexes: [0] }],
          coordinatorEpoch: 0,
        },
      ],
    }));
    await speaker.every('of no producers', ApiKey.DescribeProducers, () => ({
      topics: [
        { name: 'txn', partitionIndexes: [0, 2] },
        { name: 'txn-none', partitionIndexes: [0] },
      ],
    }));
    await speaker.every('of an unknown id', ApiKey.DescribeTransactions, () => ({ transactionalIds: ['txn-no-such'] }));
    await speaker.every('of one producer', ApiKey.ListTransactions, (version) => ({
      stateFilters: [],
      producerIdFilters: [producerId],
      ...(version >= 2 && { transactionalIdPattern: transactionalId }),
    }));
    await speaker.every('of an unknown state', ApiKey.ListTransactions, () => ({
      stateFilters: ['Nowhere'],
      producerIdFilters: [producerId],
    }));
    await unusualIds(speaker);
    await unusualTimeouts(speaker);
  },
};

/** Ids of 0 bytes and of the most that fit into some requests: Kafka has no limit of its own. */
async function unusualIds(speaker: Speaker): Promise<void> {
  const unknown = { producerId: 999_999, producerEpoch: 0 };
  const topics = [{ name: 'txn', partitions: [0, 1] }];
  const offsets = [{ name: 'txn', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }] }];
  for (const [what, transactionalId] of [
    ['0 bytes', ''],
    ['10,000 bytes', 'i'.repeat(10_000)],
    ['10,000 other bytes', 'é'.repeat(5_000)],
  ] as const) {
    const one = { transactionalId, ...unknown };
    await speaker.every(`of an unknown id of ${what}`, ApiKey.AddPartitionsToTxn, (version) =>
      adding(version, one, topics),
    );
    await speaker.every(`of an unknown id of ${what}`, ApiKey.AddOffsetsToTxn, () => ({ ...one, groupId: 'txn' }));
    await speaker.every(`of an unknown id of ${what}`, ApiKey.EndTxn, () => ({ ...one, committed: true }));
    await speaker.every(`of an unknown id of ${what}`, ApiKey.TxnOffsetCommit, () => ({
      ...one,
      groupId: 'txn-unusual',
      topics: offsets,
    }));
    await speaker.every(`of an unknown id of ${what}`, ApiKey.DescribeTransactions, () => ({
      transactionalIds: [transactionalId],
    }));
    if (transactionalId !== '') await init(speaker, transactionalId);
    await speaker.every(`of ${what}`, ApiKey.InitProducerId, () => ({ transactionalId, transactionTimeoutMs: 60_000 }));
  }
}

/** From 1 ms to `transaction.max.timeout.ms`; what is refused leaves the id as it was. */
async function unusualTimeouts(speaker: Speaker): Promise<void> {
  const { transactionalId } = await init(speaker, 'txn-timeouts');
  for (const transactionTimeoutMs of [0, -1, 900_001, 2_147_483_647, -2_147_483_648, 1, 900_000]) {
    for (const id of [transactionalId, 'txn-timeouts-new', null]) {
      await speaker.every(`${id} with ${transactionTimeoutMs} ms`, ApiKey.InitProducerId, () => ({
        transactionalId: id,
        transactionTimeoutMs,
      }));
    }
  }
}

interface Producer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** AddPartitionsToTxn: from version 4 on it is for brokers, and only verifies here. */
function adding(version: number, of: Producer, topics: readonly { name: string; partitions: number[] }[]) {
  if (version >= 4) return { transactions: [{ ...of, verifyOnly: true, topics: [...topics] }] };
  return {
    v3AndBelowTransactionalId: of.transactionalId,
    v3AndBelowProducerId: of.producerId,
    v3AndBelowProducerEpoch: of.producerEpoch,
    v3AndBelowTopics: [...topics],
  };
}

async function init(speaker: Speaker, transactionalId: string): Promise<Producer> {
  let found: Producer | undefined;
  await until(
    async () => {
      await speaker.prepare(ApiKey.FindCoordinator, 3, { key: transactionalId, keyType: 1 });
      const request = { transactionalId, transactionTimeoutMs: 60_000 };
      const answer = await speaker.prepare(ApiKey.InitProducerId, 4, request);
      if (answer.errorCode === 0) found = { transactionalId, ...pick(answer) };
      return answer.errorCode === 0;
    },
    `a producer ${transactionalId}`,
    SETTLED,
  );
  return found!;
}

const pick = ({ producerId, producerEpoch }: Omit<Producer, 'transactionalId'>) => ({ producerId, producerEpoch });
