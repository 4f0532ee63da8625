import { type Access, CLUSTER } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { isInternalTopic } from '../../topics/topic-name.ts';
import { type EndInPartitions, endInPartitions } from '../../transactions/end-in-partitions.ts';
import { WriteTxnMarkers } from '../../wire/messages/27-write-txn-markers.ts';
import type { Broker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { withPartitions } from '../group-topics.ts';
import { namedOnce } from '../named-once.ts';

/**
 * WriteTxnMarkers, versions 1 and 2: ends a transaction in partitions that no coordinator ends it in.
 * Coordinators here write their markers themselves; this is for administrators (Kafka:
 * Admin.abortTransaction, `kafka-transactions abort`), who need ALTER or CLUSTER_ACTION on the
 * cluster. The coordinator epoch is not looked at: coordinators have none.
 */
export const writeTxnMarkers = defineApi(WriteTxnMarkers, async (broker: Broker, request, _version, context) => {
  const rights: Access[] = [
    { operation: 'ALTER', resource: CLUSTER },
    { operation: 'CLUSTER_ACTION', resource: CLUSTER },
  ];
  const decisions = await broker.authorize(context, rights);
  const isAllowed = rights.some(({ operation, resource }) => decisions.allows(operation, resource));
  const markers = await each(
    broker,
    request.markers,
    async ({ producerId, producerEpoch, transactionResult, ...rest }) => {
      const { transactionVersion } = rest;
      const marker = { producerId, producerEpoch, commit: transactionResult, transactionVersion };
      const named = namedOnce(
        rest.topics,
        ({ name }) => name,
        ({ partitionIndexes }) => partitionIndexes,
        (partition) => partition,
      );
      const topics = await each(broker, named, async ({ topic: { name }, partitions }) => {
        const errors = isAllowed
          ? await end(broker, name, { ...marker, partitions }, context)
          : partitions.map((): ErrorName => 'CLUSTER_AUTHORIZATION_FAILED');
        return {
          name,
          partitions: partitions.map((partitionIndex, at) => ({ partitionIndex, errorCode: errorCode(errors[at]!) })),
        };
      });
      return { producerId, topics };
    },
  );
  return { markers };
});

/** Internal topics have no records: the offsets of a transaction end with their group's items. */
async function end(
  broker: Broker,
  name: string,
  request: Omit<EndInPartitions, 'topic'>,
  context: RequestContext,
): Promise<ErrorName[]> {
  const { partitions } = request;
  const all = (error: ErrorName) => partitions.map(() => error);
  if (isInternalTopic(name)) return all('INVALID_TOPIC_EXCEPTION');
  try {
    const topic = await broker.admin.topics.get(name);
    if (topic === undefined) return all('UNKNOWN_TOPIC_OR_PARTITION');
    const { record } = await withPartitions(broker, topic, partitions);
    return await endInPartitions(broker.admin.journals, { ...request, topic: record }, context.deadline);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return all('KAFKA_STORAGE_ERROR');
  }
}
