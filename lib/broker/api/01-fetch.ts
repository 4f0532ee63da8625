import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { type FetchedPartition, fetch as fetchPartitions, type PartitionToFetch } from '../../log/fetch.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { topicResource } from '../authorize.ts';
import type { Broker, Handler } from '../broker.ts';
import type { TopicReference } from '../partitions.ts';

/**
 * Fetch, versions 4 to 18. Sessions (KIP-227) are declined with session id 0, so every request names all of its partitions.
 * Any error answers at once, as in Kafka; otherwise the answer waits for `minBytes` up to `maxWaitMs`.
 */
export const fetch: Handler<typeof ApiKey.Fetch> = async (broker, request, _version, context) => {
  if (request.sessionId !== 0) {
    return { errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] };
  }
  const asked = await Promise.all(
    request.topics.flatMap((topic) => {
      const reference: TopicReference = { name: topic.topic, id: topic.topicId };
      return topic.partitions.map((partition) => target(broker, context, reference, partition));
    }),
  );
  const open = asked.filter((one): one is PartitionToFetch => !('error' in one));
  const failed = open.length < asked.length;
  const waitMs = failed ? 0 : Math.max(0, request.maxWaitMs);
  const fetched = await fetchOrFail(broker, open, {
    minBytes: failed ? 0 : request.minBytes,
    maxBytes: Math.min(request.maxBytes, broker.settings.fetchMaxBytes),
    isolation: request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
    deadline: Math.min(broker.clock.monotonic() + waitMs, context.deadline),
    signal: context.signal,
    budget: broker.readBudget,
  });
  let next = 0;
  let position = 0;
  const responses = request.topics.map((topic) => ({
    topic: topic.topic,
    topicId: topic.topicId,
    partitions: topic.partitions.map((partition) => {
      const one = asked[position++]!;
      return 'error' in one ? failure(partition.partition, one.error) : answer(partition.partition, fetched[next++]!);
    }),
  }));
  return { sessionId: 0, responses };
};

interface AskedPartition {
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: number;
  readonly partitionMaxBytes: number;
}

async function target(
  broker: Broker,
  context: RequestContext,
  reference: TopicReference,
  asked: AskedPartition,
): Promise<PartitionToFetch | { readonly error: ErrorName }> {
  try {
    const resolved = await broker.partitions.resolve(reference, asked.partition);
    if (resolved.kind === 'failed') return { error: resolved.error };
    if (!broker.authorize(context, 'READ', topicResource(resolved.topic.record.name))) {
      return { error: 'TOPIC_AUTHORIZATION_FAILED' };
    }
    return {
      open: resolved.open,
      partition: asked.partition,
      offset: asked.fetchOffset,
      maxBytes: asked.partitionMaxBytes,
      currentLeaderEpoch: asked.currentLeaderEpoch,
    };
  } catch (error) {
    if (error instanceof StoreUnavailableError) return { error: 'KAFKA_STORAGE_ERROR' };
    throw error;
  }
}

async function fetchOrFail(
  broker: Broker,
  open: readonly PartitionToFetch[],
  limits: Parameters<typeof fetchPartitions>[1],
): Promise<FetchedPartition[]> {
  try {
    return await fetchPartitions(open, limits);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    broker.logger.log('warn', { event: 'store_unavailable', apiKey: 1, message: error.message });
    return open.map(() => ({
      error: 'KAFKA_STORAGE_ERROR',
      highWatermark: NO_OFFSET,
      lastStableOffset: NO_OFFSET,
      logStartOffset: NO_OFFSET,
      aborted: undefined,
      batches: [],
      size: 0,
    }));
  }
}

function answer(partitionIndex: number, fetched: FetchedPartition) {
  const { highWatermark, lastStableOffset, logStartOffset, aborted, batches } = fetched;
  return {
    partitionIndex,
    errorCode: errorCode(fetched.error),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions: aborted?.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })) ?? null,
    records: batches,
  };
}

function failure(partitionIndex: number, error: ErrorName) {
  return {
    partitionIndex,
    errorCode: errorCode(error),
    highWatermark: NO_OFFSET,
    abortedTransactions: null,
    records: [],
  };
}
