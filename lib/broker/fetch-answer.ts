import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode } from '../core/errors.ts';
import { NO_OFFSET } from '../core/offset.ts';
import type { FetchedPartition } from '../log/delayed-fetch.ts';
import type { TopicReference } from '../log/partitions.ts';
import type { Broker } from './broker.ts';
import { currentLeader, endpointsOf } from './leading.ts';

/** What became of one partition of a Fetch request. */
export type FetchOutcome =
  | { readonly kind: 'read'; readonly fetched: FetchedPartition }
  /** It may be there, and cannot be read here and now. */
  | { readonly kind: 'failed'; readonly error: ErrorName; readonly reason?: string }
  /** It is not there, or not for this client. */
  | { readonly kind: 'absent'; readonly error: ErrorName };

/** A partition of a Fetch request, as it names it, with its outcome. */
export interface PartitionOutcome {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly outcome: FetchOutcome;
}

/** Clients of versions up to this one might not know KAFKA_STORAGE_ERROR; they are told to look for the leader, as in Kafka. */
const LAST_WITHOUT_STORAGE_ERROR = 5;

/** From this version on answers tell where the leader is now (KIP-951). */
const FIRST_WITH_ENDPOINTS = 16;

/**
 * The answer of a Fetch request without an error of its own, in Kafka's order: what was read, then what is not there by its
 * id, then what else is not there or not for this client. Partitions that follow each other share a topic.
 *
 * @param recordsMax what one partition's records may have, bytes; larger ones are refused: the consumer has to hear of a
 * batch that fits into no answer, or it would ask for ever
 */
export function fetchAnswer(
  broker: Broker,
  context: RequestContext,
  version: number,
  outcomes: readonly PartitionOutcome[],
  recordsMax: number,
) {
  logUnreadable(broker, outcomes);
  const leaders: Leader[] = [];
  const topics: { topic: string; topicId: string; partitions: DescribedPartition[] }[] = [];
  for (const one of inOrder(outcomes)) {
    const { name, id } = one.topic;
    let last = topics.at(-1);
    if (last === undefined || last.topic !== name || last.topicId !== id) {
      last = { topic: name, topicId: id, partitions: [] };
      topics.push(last);
    }
    const partition = described(broker, version, one, recordsMax);
    const leader = leaderFor(broker, version, one, partition.errorCode);
    leaders.push(leader);
    last.partitions.push(leader === undefined ? partition : { ...partition, currentLeader: leader });
  }
  return { sessionId: 0, responses: topics, nodeEndpoints: endpointsOf(broker.leadership, context, leaders) };
}

type Leader = ReturnType<typeof currentLeader>;
type DescribedPartition = ReturnType<typeof described> & { readonly currentLeader?: NonNullable<Leader> };

function leaderFor(broker: Broker, version: number, { topic, partition }: PartitionOutcome, code: number): Leader {
  if (code === 0 || version < FIRST_WITH_ENDPOINTS) return undefined;
  return currentLeader(broker.leadership, code, broker.partitions.peek(topic, partition)?.open);
}

function inOrder(outcomes: readonly PartitionOutcome[]): PartitionOutcome[] {
  const ranks: PartitionOutcome[][] = [[], [], []];
  for (const one of outcomes) {
    const { outcome } = one;
    const rank = outcome.kind !== 'absent' ? 0 : outcome.error === 'UNKNOWN_TOPIC_ID' ? 1 : 2;
    ranks[rank]!.push(one);
  }
  return ranks.flat();
}

function described(broker: Broker, version: number, one: PartitionOutcome, recordsMax: number) {
  const { outcome, partition: partitionIndex } = one;
  if (outcome.kind !== 'read') {
    return {
      partitionIndex,
      errorCode: errorCode(knownTo(version, outcome.error)),
      highWatermark: NO_OFFSET,
      lastStableOffset: NO_OFFSET,
      logStartOffset: NO_OFFSET,
      // Kafka answers null for what it tried to read.
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
  broker: Broker,
  { topic, partition }: PartitionOutcome,
  fetched: FetchedPartition,
  recordsMax: number,
): FetchedPartition {
  const { size } = fetched;
  if (size <= recordsMax) return fetched;
  const message = `the next record batch has ${size} bytes, which no answer here can carry; read it through tidelog gateway --direct`;
  const fields = { topic: topic.name || topic.id, partition, bytes: size, message };
  broker.logger.log('error', { event: 'batch_too_large_to_fetch', ...fields });
  return { ...fetched, error: 'MESSAGE_TOO_LARGE', aborted: undefined, batches: [], size: 0 };
}

/** One line for a request, however many of its partitions the store had nothing of. */
function logUnreadable(broker: Broker, outcomes: readonly PartitionOutcome[]): void {
  let first: { topic: string; partition: number; message: string } | undefined;
  let partitions = 0;
  for (const { topic, partition, outcome } of outcomes) {
    const message = reasonOf(outcome);
    if (message === undefined) continue;
    partitions++;
    first ??= { topic: topic.name || topic.id, partition, message };
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
