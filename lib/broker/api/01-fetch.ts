import { atOnce, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { sleep } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import { errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { isUnreadable } from '../../journal/read.ts';
import { mapAtMost } from '../../kit/in-parallel.ts';
import {
  type FetchedPartition,
  fetch as fetchPartitions,
  type IsolationLevel,
  type PartitionToFetch,
} from '../../log/delayed-fetch.ts';
import { fetchNoRecords } from '../../log/no-records.ts';
import type { TopicReference } from '../../log/partitions.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { AskAgain, type Broker, type Handler } from '../broker.ts';
import { type FetchOutcome, fetchAnswer } from '../fetch-answer.ts';
import { lead } from '../leading.ts';

/**
 * The session epochs that ask for a full fetch, whatever the session id: the first request of a session and one without a
 * session (KIP-227; Kafka: FetchMetadata.isFull). Any other epoch continues a session, and there is none to continue.
 */
const FULL_FETCH_EPOCHS: readonly number[] = [0, -1];

/**
 * Fetch, versions 4 to 18. Sessions (KIP-227) are declined with session id 0, so every request names all of its partitions.
 * The answer waits for `minBytes` up to `maxWaitMs`. An error found while reading ends the wait; partitions that are not
 * there or not for this client do not, unless the request names no other (Kafka: KafkaApis.handleFetchRequest,
 * ReplicaManager.fetchMessages). Sent away meanwhile, the request waits on with what is left of that; the token is how long
 * it has waited, ms.
 */
export const fetch: Handler<typeof ApiKey.Fetch> = async (broker, request, version, context) => {
  if (!FULL_FETCH_EPOCHS.includes(request.sessionEpoch)) {
    return { errorCode: errorCode('FETCH_SESSION_ID_NOT_FOUND'), sessionId: 0, responses: [] };
  }
  const isolation = ISOLATION_LEVELS[request.isolationLevel];
  if (isolation === undefined) return unexpected(request, version);
  const { clock } = broker;
  const began = clock.monotonic() - waitedBefore(context.again?.token);
  const asked = namedOnce(request.topics);
  const targets = await mapAtMost(RESOLVED_AT_ONCE_MAX, asked, async (one) => {
    const isNameless = version >= FIRST_WITH_IDS && one.topic.id === ZERO_UUID;
    return isNameless ? UNKNOWN_ID : target(broker, context, one, isolation);
  });
  const open = targets.flatMap((one) => (one.kind === 'open' ? [one.partition] : []));
  const empty = targets.flatMap((one) => (one.kind === 'read' ? [one.fetched] : []));
  const failed = targets.some(({ kind }) => kind === 'failed') || empty.some((one) => one.error !== 'NONE');
  const waitsUntil = failed ? began : began + Math.max(0, request.maxWaitMs);
  const minBytes = failed ? 0 : request.minBytes;
  const maxBytes = Math.min(
    request.maxBytes,
    broker.settings.fetchMaxBytes,
    recordsIn(context.answerBytes?.share, asked.length),
  );
  const away = context.again?.signal;
  const deadline = Math.min(waitsUntil, context.deadline);
  const signal = away === undefined ? context.signal : AbortSignal.any([context.signal, away]);
  const limits = { minBytes, maxBytes, isolation, deadline, signal, budget: broker.readBudget } as const;
  const fetched = await fetchPartitions(open, limits);
  // Nothing comes to partitions without records; a client that has only those must not ask all the time.
  const left = deadline - clock.monotonic();
  if (open.length === 0 && empty.length > 0 && minBytes > 0 && left > 0) await sleep(clock, left, signal);
  const answerable =
    failed ||
    (open.length === 0 && empty.length === 0) ||
    fetched.some((one) => one.error !== 'NONE') ||
    readable(fetched) >= Math.min(minBytes, maxBytes);
  if (away?.aborted === true && !answerable && clock.monotonic() < waitsUntil) {
    return new AskAgain(String(Math.floor(clock.monotonic() - began)));
  }
  let next = 0;
  const outcomes = asked.map(({ topic, partition: { partition } }, position) => {
    const found = targets[position]!;
    const outcome = found.kind === 'open' ? ({ kind: 'read', fetched: fetched[next++]! } as const) : found;
    return { topic, partition, outcome };
  });
  return fetchAnswer(broker, context, version, outcomes, recordsIn(context.answerBytes?.max, asked.length));
};

/** From this version on topics are named by id, and an error of the whole request comes without partitions. */
const FIRST_WITH_IDS = 13;

/** Kafka's numbers of the isolation levels (org.apache.kafka.common.IsolationLevel). */
const ISOLATION_LEVELS: readonly (IsolationLevel | undefined)[] = ['read_uncommitted', 'read_committed'];

/** Kafka fails on an isolation level that it does not know (FetchRequest.getErrorResponse). */
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

/** Partitions of one request that are looked up at the same time; in a cold process each may take several reads. */
const RESOLVED_AT_ONCE_MAX = 64;

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

interface AskedPartition {
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: number;
  readonly partitionMaxBytes: number;
}

/** A partition that a request names, and the topic as it names it. */
interface NamedPartition {
  readonly topic: TopicReference;
  readonly partition: AskedPartition;
}

/**
 * The partitions of a request, each once: in the place where it is named first, with what is said of it last (Kafka:
 * FetchRequest.fetchData).
 */
function namedOnce(
  topics: readonly { readonly topic: string; readonly topicId: Uuid; readonly partitions: readonly AskedPartition[] }[],
): NamedPartition[] {
  const named = new Map<string, NamedPartition>();
  for (const { topic: name, topicId: id, partitions } of topics) {
    const topic = { name, id };
    for (const partition of partitions) named.set(`${partition.partition} ${id} ${name}`, { topic, partition });
  }
  return [...named.values()];
}

/** What is to be read, or the outcome already: an error, or what there is of a partition without records. */
type Target = { readonly kind: 'open'; readonly partition: PartitionToFetch } | FetchOutcome;

async function target(
  broker: Broker,
  context: RequestContext,
  named: NamedPartition,
  isolation: IsolationLevel,
): Promise<Target> {
  const { topic: reference, partition: asked } = named;
  const mayRead = (name: string) =>
    atOnce(broker.authorize(context, topicAccesses('READ', [name]))).allows('READ', topicResource(name));
  try {
    if (reference.name !== '' && !mayRead(reference.name)) return NOT_AUTHORIZED;
    const resolved = await broker.partitions.resolve(reference, asked.partition);
    if (resolved.kind === 'failed') return { kind: 'absent', error: resolved.error };
    if (!mayRead(resolved.topic.record.name)) return NOT_AUTHORIZED;
    if (resolved.kind === 'internal') {
      return { kind: 'read', fetched: fetchNoRecords(asked.fetchOffset, asked.currentLeaderEpoch, isolation) };
    }
    const leads = await lead(broker.leadership, resolved.open);
    if (leads.kind === 'failed') return leads;
    const partition = {
      open: resolved.open,
      leaderEpoch: leads.epoch,
      partition: asked.partition,
      offset: asked.fetchOffset,
      maxBytes: asked.partitionMaxBytes,
      currentLeaderEpoch: asked.currentLeaderEpoch,
    };
    return { kind: 'open', partition };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { kind: 'failed', error: 'KAFKA_STORAGE_ERROR', reason: error.message };
  }
}

const UNKNOWN_ID: Target = { kind: 'absent', error: 'UNKNOWN_TOPIC_ID' };

const NOT_AUTHORIZED: Target = { kind: 'absent', error: 'TOPIC_AUTHORIZATION_FAILED' };
