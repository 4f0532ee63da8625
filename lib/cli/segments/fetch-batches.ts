import { systemClock as clock, sleep } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { type BatchView, computeCrc, lastOffset, splitBatches } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { ApiKey } from '../../wire/apis.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopic, type Topic } from '../client/topics.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';

/** The version that names topics; from 13 on, there are ids instead. */
const FETCH_VERSION_MAX = 12;
const FETCH_WAIT_MS = 500;
/** Bytes of one answer; bounds the memory of an export, except for a larger single batch. */
const FETCH_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_MS = 200;

/** The error for a topic that has another id than the export began with. */
export function madeAnew(topic: string): CommandError {
  return new CommandError(
    `Topic ${topic} was deleted and created again since this export began: export it into another folder.`,
  );
}

/** The topic; throws CommandError if it is not the one with the id. */
export async function sameTopic(client: KafkaClient, topic: string, id: string, timeoutMs: number): Promise<Topic> {
  const found = await findTopic(client, topic, { clock, timeoutMs });
  if (found.id !== id) throw madeAnew(topic);
  return found;
}

export interface BatchSource {
  readonly client: KafkaClient;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  /** The first offset that is not wanted. */
  readonly endOffset: number;
  /** How long to try again without an answer that helps; ms. */
  readonly timeoutMs: number;
}

/**
 * The record batches of a partition from the one that holds `from` on, byte for byte and whatever
 * became of their transactions. Throws CommandError.
 */
export async function* fetchBatches(source: BatchSource, from: number): AsyncGenerator<readonly BatchView[]> {
  const { topic, partition, endOffset, timeoutMs } = source;
  const name = `${topic}-${partition}`;
  let next = from;
  let lastProgress = clock.monotonic();
  while (next < endOffset) {
    const isOver = clock.monotonic() - lastProgress >= timeoutMs;
    let answer: Awaited<ReturnType<typeof fetchOnce>>;
    try {
      answer = await fetchOnce(source, next);
    } catch (error) {
      if (!(error instanceof ConnectionError) || isOver) throw error;
      await sleep(clock, RETRY_MS);
      continue;
    }
    if (answer.errorCode === ERROR_CODES.OFFSET_OUT_OF_RANGE) {
      throw brokerRefusal(
        `${name} has no offset ${next} any more`,
        answer.errorCode,
        null,
        `Delete the folder ${name}.partial to begin this partition again.`,
      );
    }
    if (answer.errorCode !== 0 && (isOver || !isRetriable(answer.errorCode))) {
      throw brokerRefusal(`${name} was not read`, answer.errorCode);
    }
    const batches = answer.errorCode === 0 ? wantedOf(name, answer.records, next, endOffset) : [];
    if (batches.length === 0) {
      if (isOver) throw new CommandError(`${name} has no records at offset ${next}, before its end ${endOffset}.`);
      await sleep(clock, RETRY_MS);
      continue;
    }
    yield batches;
    next = lastOffset(batches.at(-1)!.header) + 1;
    lastProgress = clock.monotonic();
  }
}

async function fetchOnce({ client, topic, topicId, partition, timeoutMs }: BatchSource, offset: number) {
  const { partitions } = await sameTopic(client, topic, topicId, timeoutMs);
  const { leader } = partitions.find(({ index }) => index === partition)!;
  const { errorCode, responses } = await client.ask(
    ApiKey.Fetch,
    {
      replicaId: -1,
      maxWaitMs: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES_MAX,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: FETCH_BYTES_MAX }] }],
      forgottenTopicsData: [],
    },
    { node: leader, versionMax: FETCH_VERSION_MAX },
  );
  const answer = responses[0]?.partitions[0];
  return { errorCode: errorCode || (answer?.errorCode ?? 0), records: answer?.records ?? Buffer.alloc(0) };
}

function wantedOf(name: string, records: Buffer, next: number, endOffset: number): BatchView[] {
  try {
    const batches = splitBatches(records).filter(
      ({ header }) => lastOffset(header) >= next && header.baseOffset < endOffset,
    );
    for (const { header, bytes } of batches) {
      if (computeCrc(bytes) === header.crc) continue;
      throw new CorruptRecordError(`batch at offset ${header.baseOffset} has a wrong checksum`);
    }
    return batches;
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    throw new CommandError(`${name} cannot be read: ${error.message} (CORRUPT_MESSAGE).`, {
      kafkaError: 'CORRUPT_MESSAGE',
      cause: error,
    });
  }
}
