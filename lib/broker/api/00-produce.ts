import { atOnce, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import type { EffectiveTopicConfig } from '../../core/topic-config.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import type { AppendResult } from '../../journal/decide-append.ts';
import { produce as appendBatch, type ProduceResult } from '../../log/append-batch.ts';
import { Interrupted } from '../../log/interrupted.ts';
import type { OpenPartition, TopicReference } from '../../log/partitions.ts';
import { type BatchHeader, hasProducerId, readBatchHeader } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { type Broker, CloseConnection, type Handler, NO_ANSWER } from '../broker.ts';
import { currentLeader, endpointsOf, lead } from '../leading.ts';
import { namedOnce } from '../named-once.ts';

/**
 * Produce, versions 3 to 13 (0 to 2 are advertised for old clients, never answered). Each partition's batch is validated and
 * appended by itself; `acks` 1 and all are the same, as there is nothing less durable than the store. With `acks` 0 nothing is
 * answered, and an error closes the connection, as Kafka does. Transactional batches are refused until a coordinator vouches
 * for them. Of a partition that is named twice, only the batch that is named last is appended, as in Kafka.
 */
export const produce: Handler<typeof ApiKey.Produce> = async (broker, request, version, context) => {
  const { acks } = request;
  const timeout = Math.max(request.timeoutMs, TIMEOUT_MIN_MS);
  const deadline = Math.min(broker.clock.monotonic() + timeout, context.deadline);
  const refusal: ErrorName | undefined = acks < -1 || acks > 1 ? 'INVALID_REQUIRED_ACKS' : undefined;
  const topics = namedOnce(
    request.topicData,
    ({ name, topicId }) => (version >= FIRST_WITH_IDS ? topicId : name),
    ({ partitionData }) => partitionData,
    ({ index }) => index,
  );
  const pending = topics.map(({ topic, partitions }) => {
    const reference: TopicReference = { name: topic.name, id: topic.topicId };
    return partitions.map(({ index, records }) => {
      if (refusal !== undefined) return rejected(refusal);
      if (version >= FIRST_WITH_IDS && topic.topicId === ZERO_UUID) return rejected('UNKNOWN_TOPIC_ID');
      const stream = streamOf(broker, reference, index, records);
      const allowed = ({ topic: { record } }: Pick<OpenPartition, 'topic'>) => {
        const decisions = atOnce(broker.authorize(context, topicAccesses('WRITE', [record.name])));
        return decisions.allows('WRITE', topicResource(record.name));
      };
      const append = (target: OpenPartition, leaderEpoch: number | undefined): Promise<ProduceResult> => {
        return appendBatch({
          open: target.open,
          partition: index,
          config: within(target.topic.config, broker.settings.batchBytesMax),
          records,
          apiVersion: version,
          validation: broker.settings.produceValidation,
          deadline,
          transactionVerified: false,
          leaderEpoch,
          isBehindFailure: stream?.isBehindFailure,
          onResult: stream?.take,
        });
      };
      const result = enqueue(broker, reference, index, { allowed, append, onRefusal: stream?.take });
      if (stream === undefined) return result;
      return result.then((final) => {
        // What was refused between the journal's being found and its queue; of all else it was told before.
        stream.take(final);
        return final;
      });
    });
  });
  const results = await Promise.all(pending.map((partitions) => Promise.all(partitions)));
  const leaders: ReturnType<typeof currentLeader>[] = [];
  const responses = topics.map(({ topic, partitions }, position) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitionResponses: partitions.map(({ index }, at) => {
      const answer = answerOf(index, results[position]![at]!);
      if (answer.errorCode === 0 || version < FIRST_WITH_ENDPOINTS) return answer;
      const open = broker.partitions.peek({ name: topic.name, id: topic.topicId }, index)?.open;
      const leader = currentLeader(broker.leadership, answer.errorCode, open);
      leaders.push(leader);
      return leader === undefined ? answer : { ...answer, currentLeader: leader };
    }),
  }));
  if (acks !== 0) return { responses, nodeEndpoints: endpointsOf(broker.leadership, context, leaders) };
  const failed = responses.flatMap((topic) => topic.partitionResponses).find((one) => one.errorCode !== 0);
  if (failed === undefined) return NO_ANSWER;
  return new CloseConnection(`a produce request with acks=0 failed with error ${failed.errorCode}`);
};

/** From this version on topics are named by id. */
const FIRST_WITH_IDS = 13;

/** From this version on answers tell where the leader is now (KIP-951). */
const FIRST_WITH_ENDPOINTS = 10;

const INTERRUPTED = new WeakMap<Broker, Interrupted>();

/** Errors after which a producer sends the same batch again. */
const TRANSIENT: ReadonlySet<ErrorName> = new Set([
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'NOT_LEADER_OR_FOLLOWER',
]);

/** What an idempotent producer's batches in one partition have to do with each other; undefined for other batches. */
function streamOf(broker: Broker, { name, id }: TopicReference, partition: number, records: Buffer | null) {
  const sequenced = records === null ? undefined : sequenceOf(records);
  if (sequenced === undefined) return undefined;
  let interrupted = INTERRUPTED.get(broker);
  if (interrupted === undefined) {
    interrupted = new Interrupted(broker.clock);
    INTERRUPTED.set(broker, interrupted);
  }
  const known = interrupted;
  const { producerId, producerEpoch, baseSequence } = sequenced;
  const key = `${name === '' ? id : name}/${partition}/${producerId}/${producerEpoch}`;
  let isTaken = false;
  return {
    isBehindFailure: () => known.isBehind(key, baseSequence),
    /** Takes note of what became of the batch; the first time counts, as others may have come to their end since. */
    take: (result: AppendResult | ProduceResult): void => {
      if (isTaken) return;
      isTaken = true;
      if (result.kind !== 'rejected') known.appended(key, baseSequence);
      else if (TRANSIENT.has(result.error)) known.failed(key, baseSequence);
    },
  };
}

/** The header of a batch with a sequence; undefined for one without, or for what is no batch. */
function sequenceOf(records: Buffer): BatchHeader | undefined {
  try {
    const header = readBatchHeader(records);
    return hasProducerId(header) ? header : undefined;
  } catch (error) {
    if (error instanceof CorruptRecordError) return undefined;
    throw error;
  }
}

/** The topic's config where the process takes no batches as large as the topic does. */
function within(config: EffectiveTopicConfig, batchBytesMax = Number.POSITIVE_INFINITY): EffectiveTopicConfig {
  return config.maxMessageBytes <= batchBytesMax ? config : { ...config, maxMessageBytes: batchBytesMax };
}

/** A client that waits less would be told of a time-out before the store could answer at all; ms. */
const TIMEOUT_MIN_MS = 1_000;

type Produced = RequestBody<typeof ApiKey.Produce>['topicData'][number]['partitionData'][number];

/** Appends that wait for a topic or journal to be read, or to be taken over, by topic: what comes later must not overtake them. */
const COLD = new WeakMap<Broker, Map<string, Promise<unknown>>>();

interface Placing {
  readonly allowed: (target: Pick<OpenPartition, 'topic'>) => boolean;
  readonly append: (target: OpenPartition, leaderEpoch: number | undefined) => Promise<ProduceResult>;
  /** Called at the moment at which a batch that others wait behind is refused. */
  readonly onRefusal: ((result: ProduceResult) => void) | undefined;
}

/**
 * Calls `append` with the open partition: at once where it is at hand, led here, and nothing earlier waits, else in the order of
 * the calls once it has been read or taken over.
 */
function enqueue(
  broker: Broker,
  reference: TopicReference,
  partition: number,
  { allowed, append, onRefusal }: Placing,
): Promise<ProduceResult> {
  let cold = COLD.get(broker);
  if (cold === undefined) {
    cold = new Map();
    COLD.set(broker, cold);
  }
  const key = reference.name === '' ? reference.id : reference.name;
  const before = cold.get(key);
  if (before === undefined) {
    const target = broker.partitions.peek(reference, partition);
    if (target !== undefined && !allowed(target)) return rejected('TOPIC_AUTHORIZATION_FAILED');
    const leads = target && broker.leadership.peek(target.open);
    if (target !== undefined && leads !== undefined) return append(target, leads.epoch);
  }
  const waiting = cold;
  const refuse = (error: ErrorName) => {
    onRefusal?.({ kind: 'rejected', error });
    return { result: rejected(error) };
  };
  const placed = (before ?? Promise.resolve()).then(async () => {
    await broker.pace.turn();
    const resolved = await resolveOrFail(broker, reference, partition);
    if (resolved.kind === 'failed') return refuse(resolved.error);
    if (!allowed(resolved)) return refuse('TOPIC_AUTHORIZATION_FAILED');
    if (resolved.kind === 'internal') return refuse('INVALID_TOPIC_EXCEPTION');
    const leads = await lead(broker.leadership, resolved.open);
    // The result is wrapped: the next append waits for this one's place in the queue, not for its outcome.
    return leads.kind === 'leads' ? { result: append(resolved, leads.epoch) } : refuse(leads.error);
  });
  waiting.set(key, placed);
  const done = () => {
    if (waiting.get(key) === placed) waiting.delete(key);
  };
  placed.then(done, done);
  return placed.then(({ result }) => result);
}

async function resolveOrFail(broker: Broker, reference: TopicReference, partition: number) {
  try {
    return await broker.partitions.resolve(reference, partition);
  } catch (error) {
    // Stored bytes of a newer format are as good as none to this program.
    if (!(error instanceof StoreUnavailableError || error instanceof MalformedBytesError)) throw error;
    broker.logger.log('warn', { event: 'store_unavailable', apiKey: 0, message: error.message });
    return { kind: 'failed', error: 'KAFKA_STORAGE_ERROR' } as const;
  }
}

function rejected(error: ErrorName): Promise<ProduceResult> {
  return Promise.resolve({ kind: 'rejected', error });
}

function answerOf(index: Produced['index'], result: ProduceResult) {
  if (result.kind === 'appended') {
    const { baseOffset, logAppendTime, logStartOffset } = result;
    return { index, errorCode: 0, baseOffset, logAppendTimeMs: logAppendTime, logStartOffset };
  }
  return {
    index,
    errorCode: errorCode(result.error),
    baseOffset: NO_OFFSET,
    logStartOffset: result.logStartOffset ?? NO_OFFSET,
    errorMessage: result.message ?? null,
    recordErrors: (result.recordErrors ?? []).map(({ batchIndex, message }) => ({
      batchIndex,
      batchIndexErrorMessage: message,
    })),
  };
}
