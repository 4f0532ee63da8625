import { errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import type { PartitionToFetch } from '../../log/fetch.ts';
import type { TopicReference } from '../../log/partitions.ts';
import type { IsolationLevel } from '../../log/read-partitions.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { Fetch } from '../../wire/messages/01-fetch.ts';
import { AskAgain, type ReadBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { fetchAnswer } from '../fetch-answer.ts';

/**
 * Session epochs that request a full fetch, whatever the session id: the first request of a
 * session, and a request without a session (KIP-227; Kafka: FetchMetadata.isFull). Any other epoch
 * continues a session, and no session exists.
 */
const FULL_FETCH_EPOCHS: readonly number[] = [0, -1];

/**
 * Fetch, versions 4 to 18. Sessions (KIP-227) are declined with session id 0, so every request
 * names all of its partitions. The answer waits for `minBytes` up to `maxWaitMs` (see Log.fetch). A
 * function may answer `again` before that; the token is the time that the request has waited, ms. A
 * gateway that waits itself puts in its own time, and gets the answer without records in advance.
 */
export const fetch = defineApi(Fetch, async (broker: ReadBroker, request, version, context) => {
  if (!FULL_FETCH_EPOCHS.includes(request.sessionEpoch)) {
    return { errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] };
  }
  const isolation = ISOLATION_LEVELS[request.isolationLevel];
  if (isolation === undefined) return unexpected(request, version);
  const asked = namedOnce(request, version);
  const { minBytes, maxWaitMs } = request;
  const room = recordsIn(context.answerBytes?.share, asked.length);
  const maxBytes = Math.min(request.maxBytes, broker.settings.fetchMaxBytes, room);
  const waitedMs = waitedBefore(context.again?.token);
  const result = await broker.log.fetch(context, asked, { isolation, minBytes, maxBytes, maxWaitMs, waitedMs });
  const recordsMax = recordsIn(context.answerBytes?.max, asked.length);
  const answer = () => fetchAnswer(broker, context, version, asked, result.outcomes, recordsMax);
  if (result.kind === 'fetched') return answer();
  const hasSenderWait = context.again?.advice !== undefined && !result.hasData;
  return new AskAgain(String(Math.floor(result.waitedMs)), hasSenderWait ? answer() : undefined);
});

/** From this version on, topics are named by id, and a top-level error comes without partitions. */
const FIRST_WITH_IDS = 13;

/** Kafka's isolation level codes (org.apache.kafka.common.IsolationLevel). */
const ISOLATION_LEVELS: readonly (IsolationLevel | undefined)[] = ['read_uncommitted', 'read_committed'];

/** Kafka fails on an unknown isolation level (FetchRequest.getErrorResponse). */
function unexpected({ topics }: RequestBody<typeof ApiKey.Fetch>, version: number) {
  const error = errorCode('UNKNOWN_SERVER_ERROR');
  const unread = { errorCode: error, highWatermark: NO_OFFSET, abortedTransactions: [], records: [] };
  const responses = topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({ ...unread, partitionIndex: partition })),
  }));
  return { errorCode: error, sessionId: 0, responses: version < FIRST_WITH_IDS ? responses : [] };
}

/**
 * The size of an answer without its records: a fixed part, and a part per partition with its names
 * and aborted transactions.
 */
const PARTITION_OVERHEAD_BYTES = 128;
const ANSWER_OVERHEAD_BYTES = 16 * 1024;

/** The bytes of records that fit into an answer of this size about so many partitions. */
function recordsIn(answerBytes: number | undefined, partitions: number): number {
  if (answerBytes === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, answerBytes - ANSWER_OVERHEAD_BYTES - partitions * PARTITION_OVERHEAD_BYTES);
}

/** How long a request had waited before its last `again`, from that answer's token; ms. */
function waitedBefore(token: string | undefined): number {
  return token !== undefined && /^\d{1,10}$/.test(token) ? Number(token) : 0;
}

/**
 * The partitions of a request without duplicates: at the position of the first mention, with the
 * content of the last (Kafka: FetchRequest.fetchData).
 */
function namedOnce({ topics }: RequestBody<typeof ApiKey.Fetch>, version: number): PartitionToFetch[] {
  const named = new Map<string, PartitionToFetch>();
  for (const { topic: name, topicId: id, partitions } of topics) {
    const topic: TopicReference = version >= FIRST_WITH_IDS ? { id } : { name };
    for (const { partition, fetchOffset, partitionMaxBytes, currentLeaderEpoch } of partitions) {
      const asked = { topic, partition, offset: fetchOffset, maxBytes: partitionMaxBytes, currentLeaderEpoch };
      named.set(`${partition} ${topic.id ?? name}`, asked);
    }
  }
  return [...named.values()];
}
