import { MalformedBytesError } from '../../core/bytes.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { Interrupted } from '../../log/interrupted.ts';
import { produce as appendBatch, type ProduceResult } from '../../log/produce.ts';
import type { ApiKey, RequestBody } from '../../protocol/apis.ts';
import { type BatchHeader, hasProducerId, readBatchHeader } from '../../protocol/records/batch.ts';
import { CorruptRecordError } from '../../protocol/records/error.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { topicResource } from '../authorize.ts';
import { type Broker, CloseConnection, type Handler, NO_ANSWER } from '../broker.ts';
import type { OpenPartition, TopicReference } from '../partitions.ts';

/**
 * Produce, versions 3 to 13 (0 to 2 are advertised for old clients, never answered). Each partition's batch is validated and
 * appended by itself; `acks` 1 and all are the same, as there is nothing less durable than the store. With `acks` 0 nothing is
 * answered, and an error closes the connection, as Kafka does. Transactional batches are refused until a coordinator vouches
 * for them.
 */
export const produce: Handler<typeof ApiKey.Produce> = async (broker, request, version, context) => {
  const { acks } = request;
  const deadline = broker.clock.monotonic() + Math.max(request.timeoutMs, TIMEOUT_MIN_MS);
  const refusal: ErrorName | undefined = acks < -1 || acks > 1 ? 'INVALID_REQUIRED_ACKS' : undefined;
  const pending = request.topicData.map((topic) => {
    const reference: TopicReference = { name: topic.name, id: topic.topicId };
    return topic.partitionData.map(({ index, records }) => {
      if (refusal !== undefined) return rejected(refusal);
      const stream = streamOf(broker, reference, index, records);
      const append = (target: OpenPartition): Promise<ProduceResult> => {
        if (!broker.authorize(context, 'WRITE', topicResource(target.topic.record.name))) {
          return rejected('TOPIC_AUTHORIZATION_FAILED');
        }
        return appendBatch({
          open: target.open,
          partition: index,
          config: target.topic.config,
          records,
          apiVersion: version,
          deadline,
          transactionVerified: false,
          isBehindFailure: stream?.isBehindFailure,
        });
      };
      const result = enqueue(broker, reference, index, append);
      return stream === undefined ? result : result.then(stream.take);
    });
  });
  const results = await Promise.all(pending.map((partitions) => Promise.all(partitions)));
  const responses = request.topicData.map((topic, position) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitionResponses: topic.partitionData.map(({ index }, at) => answerOf(index, results[position]![at]!)),
  }));
  if (acks !== 0) return { responses };
  const failed = responses.flatMap((topic) => topic.partitionResponses).find((one) => one.errorCode !== 0);
  if (failed === undefined) return NO_ANSWER;
  return new CloseConnection(`a produce request with acks=0 failed with error ${failed.errorCode}`);
};

const INTERRUPTED = new WeakMap<Broker, Interrupted>();

/** Errors after which a producer sends the same batch again. */
const TRANSIENT: ReadonlySet<ErrorName> = new Set(['REQUEST_TIMED_OUT', 'KAFKA_STORAGE_ERROR']);

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
  return {
    isBehindFailure: () => known.isBehind(key, baseSequence),
    take: (result: ProduceResult): ProduceResult => {
      if (result.kind === 'appended') known.appended(key, baseSequence);
      else if (TRANSIENT.has(result.error)) known.failed(key, baseSequence);
      return result;
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

/** A client that waits less would be told of a time-out before the store could answer at all; ms. */
const TIMEOUT_MIN_MS = 1_000;

type Produced = RequestBody<typeof ApiKey.Produce>['topicData'][number]['partitionData'][number];

/** Appends that wait for a topic or journal to be read, by topic: what comes later must not overtake them. */
const COLD = new WeakMap<Broker, Map<string, Promise<unknown>>>();

/**
 * Calls `append` with the open partition: at once where it is at hand and nothing earlier waits, else in the order of the
 * calls once it has been read.
 */
function enqueue(
  broker: Broker,
  reference: TopicReference,
  partition: number,
  append: (target: OpenPartition) => Promise<ProduceResult>,
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
    if (target !== undefined) return append(target);
  }
  const waiting = cold;
  const placed = (before ?? Promise.resolve()).then(async () => {
    const resolved = await resolveOrFail(broker, reference, partition);
    // The result is wrapped: the next append waits for this one's place in the queue, not for its outcome.
    return { result: resolved.kind === 'open' ? append(resolved) : rejected(resolved.error) };
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
    errorMessage: result.message ?? null,
    recordErrors: (result.recordErrors ?? []).map(({ batchIndex, message }) => ({
      batchIndex,
      batchIndexErrorMessage: message,
    })),
  };
}
