import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode } from '../core/errors.ts';
import { NO_OFFSET } from '../core/offset.ts';
import { ZERO_UUID } from '../core/uuid.ts';
import type { CurrentLeader } from '../log/current-leader.ts';
import type { FetchOutcome, PartitionToFetch } from '../log/fetch.ts';
import type { TopicReference } from '../log/partitions.ts';
import type { FetchedPartition } from '../log/read-partitions.ts';
import type { ReadBroker } from './broker.ts';
import { currentLeader, endpointsOf } from './leading.ts';

/** A partition of a Fetch request and its outcome. */
interface PartitionOutcome {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly outcome: FetchOutcome;
}

/**
 * Clients of versions up to this one may not know KAFKA_STORAGE_ERROR. They get
 * NOT_LEADER_OR_FOLLOWER, as in Kafka.
 */
const LAST_WITHOUT_STORAGE_ERROR = 5;

/** From this version on, answers name the current leader (KIP-951). */
const FIRST_WITH_ENDPOINTS = 16;

/**
 * The answer to a Fetch request without a top-level error, in Kafka's order: partitions that were
 * read, then topics whose id does not exist, then other partitions that do not exist or may not be
 * read. Consecutive partitions of a topic share its entry.
 *
 * @param outcomes one for each of `asked`
 * @param recordsMax limit for one partition's records, bytes. Larger ones are refused with an
 *   error: otherwise the consumer would repeat a request whose batch fits into no answer
 */
export function fetchAnswer(
  broker: ReadBroker,
  context: RequestContext,
  version: number,
  asked: readonly PartitionToFetch[],
  outcomes: readonly FetchOutcome[],
  recordsMax: number,
) {
  const named = asked.map(({ topic, partition }, at) => ({ topic, partition, outcome: outcomes[at]! }));
  logUnreadable(broker, named);
  const leaders: (CurrentLeader | undefined)[] = [];
  const topics: { topic: string; topicId: string; partitions: DescribedPartition[] }[] = [];
  let lastTopic: TopicReference | undefined;
  for (const one of inOrder(named)) {
    const { topic, partition } = one;
    if (lastTopic === undefined || lastTopic.name !== topic.name || lastTopic.id !== topic.id) {
      lastTopic = topic;
      topics.push({ topic: topic.name ?? '', topicId: topic.id ?? ZERO_UUID, partitions: [] });
    }
    const described = describe(broker, version, one, recordsMax);
    const hasLeader = described.errorCode !== 0 && version >= FIRST_WITH_ENDPOINTS;
    const leader = hasLeader ? currentLeader(broker.log, described.errorCode, topic, partition) : undefined;
    leaders.push(leader);
    topics.at(-1)!.partitions.push(leader === undefined ? described : { ...described, currentLeader: leader });
  }
  return { sessionId: 0, responses: topics, nodeEndpoints: endpointsOf(broker.leadership, context, leaders) };
}

type DescribedPartition = ReturnType<typeof describe> & { readonly currentLeader?: CurrentLeader };

function inOrder(outcomes: readonly PartitionOutcome[]): PartitionOutcome[] {
  const ranks: PartitionOutcome[][] = [[], [], []];
  for (const one of outcomes) {
    const { outcome } = one;
    const rank = outcome.kind !== 'absent' ? 0 : outcome.error === 'UNKNOWN_TOPIC_ID' ? 1 : 2;
    ranks[rank]!.push(one);
  }
  return ranks.flat();
}

function describe(broker: ReadBroker, version: number, one: PartitionOutcome, recordsMax: number) {
  const { outcome, partition: partitionIndex } = one;
  if (outcome.kind !== 'read') {
    return {
      partitionIndex,
      errorCode: errorCode(knownTo(version, outcome.error)),
      highWatermark: NO_OFFSET,
      lastStableOffset: NO_OFFSET,
      logStartOffset: NO_OFFSET,
      // Kafka answers null for partitions that it tried to read.
      abortedTransactions: outcome.kind === 'absent' ? [] : null,
      records: [],
    };
  }
  const { error, highWatermark, lastStableOffset, logStartOffset, aborted, batches } = sendable(
    broker,
    one,
    outcome.fetched,
    recordsMax,
  );
  return {
    partitionIndex,
    errorCode: errorCode(knownTo(version, error)),
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions: aborted?.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })) ?? null,
    records: batches,
  };
}

function knownTo(version: number, error: ErrorName): ErrorName {
  const isKnown = version > LAST_WITHOUT_STORAGE_ERROR || error !== 'KAFKA_STORAGE_ERROR';
  return isKnown ? error : 'NOT_LEADER_OR_FOLLOWER';
}

function sendable(
  broker: ReadBroker,
  { topic, partition }: PartitionOutcome,
  fetched: FetchedPartition,
  recordsMax: number,
): FetchedPartition {
  const { size } = fetched;
  if (size <= recordsMax) return fetched;
  const message = `the next record batch has ${size} bytes, which no answer here can carry; read it through tidelog gateway --direct`;
  const fields = { topic: topic.name ?? topic.id, partition, bytes: size, message };
  broker.logger.log('error', { event: 'batch_too_large_to_fetch', ...fields });
  return { ...fetched, error: 'MESSAGE_TOO_LARGE', aborted: undefined, batches: [], size: 0 };
}

/** Logs one line per request, however many partitions could not be read. */
function logUnreadable(broker: ReadBroker, outcomes: readonly PartitionOutcome[]): void {
  let first: { topic: string; partition: number; message: string } | undefined;
  let partitions = 0;
  for (const { topic, partition, outcome } of outcomes) {
    const message = reasonOf(outcome);
    if (message === undefined) continue;
    partitions++;
    first ??= { topic: topic.name ?? topic.id, partition, message };
  }
  if (first === undefined) return;
  broker.logger.log('warn', { event: 'store_unavailable', apiKey: 1, ...first, partitions });
}

function reasonOf(outcome: FetchOutcome): string | undefined {
  switch (outcome.kind) {
    case 'read':
      return outcome.fetched.reason;
    case 'failed':
      return outcome.reason;
    case 'absent':
      return undefined;
  }
}
