import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { type FetchedPartition, fetch as fetchPartitions, type PartitionToFetch } from '../../log/fetch.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { topicResource } from '../authorize.ts';
import { AskAgain, type Broker, type Handler } from '../broker.ts';
import { currentLeader, endpointsOf, lead } from '../leading.ts';
import type { TopicReference } from '../partitions.ts';

/**
 * The session epochs that ask for a full fetch, whatever the session id: the first request of a session and one without a
 * session (KIP-227; Kafka: FetchMetadata.isFull). Any other epoch continues a session, and there is none to continue.
 */
const FULL_FETCH_EPOCHS: readonly number[] = [0, -1];

/**
 * Fetch, versions 4 to 18. Sessions (KIP-227) are declined with session id 0, so every request names all of its partitions.
 * Any error answers at once, as in Kafka; otherwise the answer waits for `minBytes` up to `maxWaitMs`. Sent away meanwhile, the
 * request waits on with what is left of that; the token is how long it has waited, ms.
 */
export const fetch: Handler<typeof ApiKey.Fetch> = async (broker, request, version, context) => {
  if (!FULL_FETCH_EPOCHS.includes(request.sessionEpoch)) {
    return { errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] };
  }
  const { clock } = broker;
  const began = clock.monotonic() - waitedBefore(context.again?.token);
  const asked = await Promise.all(
    request.topics.flatMap((topic) => {
      const reference: TopicReference = { name: topic.topic, id: topic.topicId };
      return topic.partitions.map((partition) => target(broker, context, reference, partition));
    }),
  );
  const open = asked.filter((one): one is PartitionToFetch => !('error' in one));
  const failed = open.length < asked.length;
  const waitsUntil = failed ? began : began + Math.max(0, request.maxWaitMs);
  const minBytes = failed ? 0 : request.minBytes;
  const maxBytes = Math.min(
    request.maxBytes,
    broker.settings.fetchMaxBytes,
    recordsIn(context.answerBytes?.share, asked.length),
  );
  const away = context.again?.signal;
  const fetched = await fetchOrFail(broker, open, {
    minBytes,
    maxBytes,
    isolation: request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted',
    deadline: Math.min(waitsUntil, context.deadline),
    signal: away === undefined ? context.signal : AbortSignal.any([context.signal, away]),
    budget: broker.readBudget,
  });
  const answerable =
    failed || fetched.some((one) => one.error !== 'NONE') || readable(fetched) >= Math.min(minBytes, maxBytes);
  if (away?.aborted === true && !answerable && clock.monotonic() < waitsUntil) {
    return new AskAgain(String(Math.floor(clock.monotonic() - began)));
  }
  const leaders: ReturnType<typeof currentLeader>[] = [];
  const recordsMax = recordsIn(context.answerBytes?.max, asked.length);
  let next = 0;
  let position = 0;
  const responses = request.topics.map((topic) => ({
    topic: topic.topic,
    topicId: topic.topicId,
    partitions: topic.partitions.map((partition) => {
      const one = asked[position++]!;
      const told =
        'error' in one
          ? failure(partition.partition, one.error)
          : answer(
              partition.partition,
              sendable(broker, topic.topic || topic.topicId, partition.partition, fetched[next++]!, recordsMax),
            );
      if (told.errorCode === 0 || version < FIRST_WITH_ENDPOINTS) return told;
      const open = broker.partitions.peek({ name: topic.topic, id: topic.topicId }, partition.partition)?.open;
      const leader = currentLeader(broker.leadership, told.errorCode, open);
      leaders.push(leader);
      return leader === undefined ? told : { ...told, currentLeader: leader };
    }),
  }));
  return { sessionId: 0, responses, nodeEndpoints: endpointsOf(broker.leadership, context, leaders) };
};

/** From this version on answers tell where the leader is now (KIP-951). */
const FIRST_WITH_ENDPOINTS = 16;

/** What an answer takes beside its records: per partition, names and aborted transactions included, and in any case. */
const PARTITION_OVERHEAD_BYTES = 128;
const ANSWER_OVERHEAD_BYTES = 16 * 1024;

/** The records that an answer of so many bytes about so many partitions can carry; bytes. */
function recordsIn(answerBytes: number | undefined, partitions: number): number {
  if (answerBytes === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, answerBytes - ANSWER_OVERHEAD_BYTES - partitions * PARTITION_OVERHEAD_BYTES);
}

function readable(fetched: readonly FetchedPartition[]): number {
  return fetched.reduce((sum, one) => sum + one.readable, 0);
}

/** How long a request has waited elsewhere before it came here; ms. */
function waitedBefore(token: string | undefined): number {
  return token !== undefined && /^\d{1,10}$/.test(token) ? Number(token) : 0;
}

/** A batch that does not fit into any answer is refused: the consumer has to hear of it, or it would ask for ever. */
function sendable(
  broker: Broker,
  topic: string,
  partition: number,
  fetched: FetchedPartition,
  recordsMax: number,
): FetchedPartition {
  const { size } = fetched;
  if (size <= recordsMax) return fetched;
  const message = `the next record batch has ${size} bytes, which no answer here can carry; read it through tidelog gateway --direct`;
  broker.logger.log('error', { event: 'batch_too_large_to_fetch', topic, partition, bytes: size, message });
  return { ...fetched, error: 'MESSAGE_TOO_LARGE', aborted: undefined, batches: [], size: 0 };
}

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
    const leads = await lead(broker.leadership, resolved.open);
    if (leads.kind === 'failed') return { error: leads.error };
    return {
      open: resolved.open,
      leaderEpoch: leads.epoch,
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
      readable: 0,
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
