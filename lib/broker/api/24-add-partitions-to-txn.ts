import { CLUSTER, type Decisions, topicAccesses } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { Uuid } from '../../core/uuid.ts';
import { each } from '../../kit/each.ts';
import { isInternalTopic } from '../../topics/topic-name.ts';
import { AddPartitionsToTxn } from '../../wire/messages/24-add-partitions-to-txn.ts';
import type { TransactionBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { type FoundTopic, findTopic, hasPartition, withPartitions } from '../group-topics.ts';
import { namedOnce } from '../named-once.ts';
import { coordinated, knownError, transactionalAccess } from '../transactional.ts';

/** The first version that has several transactions, and that brokers send. */
const FIRST_OF_BROKERS = 4;

/** The first version whose clients know PRODUCER_FENCED. */
const FIRST_WITH_FENCED = 2;

interface Transaction {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly verifyOnly: boolean;
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[];
}

interface TopicResult {
  readonly name: string;
  readonly resultsByPartition: readonly { readonly partitionIndex: number; readonly partitionErrorCode: number }[];
}

/**
 * AddPartitionsToTxn, versions 0 to 5. If one partition fails, none is added, and the others get
 * OPERATION_NOT_ATTEMPTED (KafkaApis.handleAddPartitionsToTxnRequest). Versions 4 and 5 are for
 * brokers, which need CLUSTER_ACTION: they have several transactions, which may be verified only.
 */
export const addPartitionsToTxn = defineApi(
  AddPartitionsToTxn,
  async (broker: TransactionBroker, request, version, context) => {
    if (version < FIRST_OF_BROKERS) {
      const transaction: Transaction = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: request.v3AndBelowProducerId,
        producerEpoch: request.v3AndBelowProducerEpoch,
        verifyOnly: false,
        topics: request.v3AndBelowTopics,
      };
      const write = transactionalAccess('WRITE', transaction.transactionalId);
      const decisions = await broker.authorize(context, [
        write,
        ...topicAccesses(
          'WRITE',
          transaction.topics.map(({ name }) => name),
        ),
      ]);
      const results = decisions.allows(write.operation, write.resource)
        ? await resultsOf(broker, transaction, decisions, version, context)
        : sameResult(transaction, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
      return { errorCode: 0, resultsByTransaction: [], resultsByTopicV3AndBelow: results };
    }
    const decisions = await broker.authorize(context, [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }]);
    if (!decisions.allows('CLUSTER_ACTION', CLUSTER)) {
      const error = errorCode('CLUSTER_AUTHORIZATION_FAILED');
      return { errorCode: error, resultsByTransaction: [], resultsByTopicV3AndBelow: [] };
    }
    const resultsByTransaction = await each(broker, request.transactions, async (transaction) => ({
      transactionalId: transaction.transactionalId,
      topicResults: await resultsOf(broker, transaction, EVERYTHING, version, context),
    }));
    return { errorCode: 0, resultsByTransaction, resultsByTopicV3AndBelow: [] };
  },
);

const EVERYTHING: Decisions = { allows: () => true };

async function resultsOf(
  broker: TransactionBroker,
  transaction: Transaction,
  decisions: Decisions,
  version: number,
  context: RequestContext,
): Promise<TopicResult[]> {
  const { transactionalId, producerId, producerEpoch, verifyOnly } = transaction;
  const topics = namedOnce(
    transaction.topics,
    ({ name }) => name,
    ({ partitions }) => partitions,
    (partition) => partition,
  );
  const found = await each(broker, topics, ({ topic, partitions }) =>
    findWritable(broker, decisions, topic.name, partitions),
  );
  const partitions = new Map<Uuid, Set<number>>();
  const problems = topics.map(({ partitions: named }, index) => {
    const one = found[index]!;
    if (one.kind === 'failed') return named.map((): ErrorName => one.error);
    partitions.set(one.topic.record.id, new Set(named));
    return named.map(
      (partition): ErrorName => (hasPartition(one.topic, partition) ? 'NONE' : 'UNKNOWN_TOPIC_OR_PARTITION'),
    );
  });
  const results = (errorOf: (topic: number, partition: number) => ErrorName): TopicResult[] =>
    topics.map(({ topic, partitions: named }, index) => ({
      name: topic.name,
      resultsByPartition: named.map((partitionIndex, at) => ({
        partitionIndex,
        partitionErrorCode: errorCode(errorOf(index, at)),
      })),
    }));
  if (problems.some((errors) => errors.some((error) => error !== 'NONE'))) {
    return results((index, at) => {
      const problem = problems[index]![at]!;
      return problem === 'NONE' ? 'OPERATION_NOT_ATTEMPTED' : problem;
    });
  }
  const request = { transactionalId, producerId, producerEpoch, groups: [] };
  const told = (answer: Awaited<ReturnType<typeof broker.transactions.add>>): ErrorName =>
    answer.kind === 'ok' ? 'NONE' : knownError(answer.error, version >= FIRST_WITH_FENCED);
  if (!verifyOnly) {
    const error = told(
      await coordinated(transactionalId, () => broker.transactions.add({ ...request, partitions }, context)),
    );
    return results(() => error);
  }
  const pairs = [...partitions].flatMap(([topicId, named]) => [...named].map((partition) => ({ topicId, partition })));
  const verified = await each(broker, pairs, async ({ topicId, partition }) =>
    told(
      await coordinated(transactionalId, () =>
        broker.transactions.verify({ ...request, partitions: new Map([[topicId, new Set([partition])]]) }, context),
      ),
    ),
  );
  let next = 0;
  return results(() => verified[next++]!);
}

/** The topic; internal topics may not be written to by clients. */
async function findWritable(
  broker: TransactionBroker,
  decisions: Decisions,
  name: string,
  partitions: readonly number[],
): Promise<FoundTopic> {
  if (isInternalTopic(name)) return { kind: 'failed', error: 'TOPIC_AUTHORIZATION_FAILED' };
  const found = await findTopic(broker, decisions, 'WRITE', { kind: 'named', name, id: undefined });
  if (found.kind === 'failed') return found;
  return { kind: 'found', topic: await withPartitions(broker, found.topic, partitions) };
}

function sameResult({ topics }: Transaction, error: ErrorName): TopicResult[] {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: errorCode(error) })),
  }));
}
