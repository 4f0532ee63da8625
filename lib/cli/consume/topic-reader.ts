import { type Clock, sleep } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { BatchField, type BatchView, computeCrc, lastOffset, splitBatches } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { openBatch } from '../../records/record.ts';
import { ApiKey, type ResponseBody } from '../../wire/apis.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { EARLIEST_TIMESTAMP, offsetsAt } from '../client/offsets.ts';
import { findTopics, type Topic } from '../client/topics.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';
import { grouped } from '../grouped.ts';
import { whenAborted } from '../interruption.ts';
import { AbortedRecords } from './aborted-records.ts';
import { type ReadRecord, readRecordAt } from './read-record.ts';
import type { Range } from './resolve-span.ts';

/** Receives the records. */
export interface RecordSink {
  /** Returns false to stop reading. */
  onRecord(record: ReadRecord, topic: string, partition: number): boolean;
  /** All offsets below `next` were handed out or are not visible to readers. */
  onProgress(topic: string, partition: number, next: number): void;
  /** Called after each batch; reading continues when it resolves. */
  onBatch(): Promise<void> | undefined;
  /** Called after the records of each answer; reading continues when it resolves. */
  onAnswer(): Promise<void>;
  /** A warning for the user. */
  warn(message: string): void;
}

export interface TopicReaderOptions {
  readonly client: KafkaClient;
  readonly clock: Clock;
  /** The topics of the ranges. */
  readonly topics: readonly Topic[];
  readonly ranges: readonly Range[];
  /** Omits records of open and aborted transactions. */
  readonly committed: boolean;
  /** How long to retry when a broker is unreachable. */
  readonly timeoutMs: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  readonly sink: RecordSink;
}

interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly stop: number | undefined;
  /** The offset to fetch next; ahead of the records handed out while an answer is processed. */
  next: number;
}

type FetchedPartition = ResponseBody<typeof ApiKey.Fetch>['responses'][number]['partitions'][number];
interface Fetched {
  readonly position: Position;
  readonly partition: FetchedPartition;
}
interface Found extends Fetched {
  /** The first offset to return. */
  readonly from: number;
  readonly batches: readonly BatchView[];
}
/** `again`: leaders or connections have changed. */
type Ended = 'done' | 'again';

/** The version that names topics; from 13 on, there are ids instead. */
const FETCH_VERSION_MAX = 12;
/** How long a broker may hold a fetch without records. Ctrl-C does not wait for it. */
const FETCH_WAIT_MS = 500;
/**
 * fetch.max.bytes of Kafka's consumer. More per partition than its 1 MiB, since few partitions are
 * read.
 */
const FETCH_BYTES_MAX = 50 * 1024 * 1024;
const PARTITION_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_MS = 200;
const CONSUMER_REPLICA_ID = -1;
/** Epoch -1: a fetch without a session (KIP-227). */
const NO_SESSION = { sessionId: 0, sessionEpoch: -1 };

/**
 * Reads partitions of topics from their leaders concurrently. Each partition is read in offset
 * order.
 */
export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #positions: readonly Position[];
  readonly #stop = new AbortController();
  #topics: readonly Topic[];
  #lastAnswerAt: number;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
    this.#topics = options.topics;
    this.#positions = options.ranges.map(({ start, ...range }) => ({ ...range, next: start }));
    this.#lastAnswerAt = options.clock.monotonic();
    options.signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    if (options.signal.aborted) this.#stop.abort();
  }

  /**
   * Resolves when everything is read, `onRecord` returned false, or the signal aborts. Rejects with
   * CommandError.
   */
  async run(): Promise<void> {
    const { client, clock, timeoutMs } = this.#options;
    for (;;) {
      const round = new AbortController();
      const ended = await Promise.all(
        [...this.#byLeader()].map(async ([leader, wanted]) => {
          let result: Ended = 'again';
          try {
            result = await this.#readFrom(leader, wanted, AbortSignal.any([round.signal, this.#stop.signal]));
            return result;
          } finally {
            // If one leader has changed, all partitions need new metadata.
            if (result === 'again') round.abort();
          }
        }),
      );
      if (this.#stop.signal.aborted || ended.every((one) => one === 'done')) return;
      await sleep(clock, RETRY_MS, this.#stop.signal);
      try {
        const names = this.#topics.map(({ name }) => name);
        this.#topics = await findTopics(client, names, { clock, timeoutMs });
      } catch (error) {
        if (!this.#mayRetry(error)) throw error;
      }
    }
  }

  #byLeader(): Map<number, Position[]> {
    return grouped(this.#positions, (position) => this.#partitionOf(position)?.leader ?? -1);
  }

  #topicOf(position: Position): Topic | undefined {
    return this.#topics.find(({ name }) => name === position.topic);
  }

  #partitionOf(position: Position) {
    return this.#topicOf(position)?.partitions.find(({ index }) => index === position.partition);
  }

  #mayRetry(error: unknown): boolean {
    const { clock, timeoutMs } = this.#options;
    return error instanceof ConnectionError && clock.monotonic() - this.#lastAnswerAt < timeoutMs;
  }

  async #readFrom(leader: number, positions: readonly Position[], signal: AbortSignal): Promise<Ended> {
    const aborted = whenAborted(signal);
    let asked: Promise<readonly Fetched[] | Ended> | undefined;
    for (;;) {
      asked ??= this.#ask(leader, positions);
      const answer = await Promise.race([asked, aborted]);
      if (answer === undefined || signal.aborted) {
        // The answer in flight belongs to the old round and is dropped.
        asked.catch(() => {});
        return 'again';
      }
      if (typeof answer === 'string') return answer;
      const found: Found[] = [];
      let isRefused = false;
      for (const fetched of answer) {
        const { position, partition } = fetched;
        if (partition.errorCode !== 0) {
          if (await this.#refused(position, partition)) isRefused = true;
          continue;
        }
        const batches = splitBatches(partition.records ?? Buffer.alloc(0));
        const from = position.next;
        const last = batches.at(-1);
        if (last !== undefined) position.next = lastOffset(last.header) + 1;
        found.push({ ...fetched, from, batches });
      }
      // Fetches the next answer while this one is written.
      asked = isRefused || positions.every(isRead) ? undefined : this.#ask(leader, positions);
      asked?.catch(() => {});
      for (const one of found) if (!(await this.#handOut(one))) break;
      await this.#options.sink.onAnswer();
      if (isRefused) return 'again';
      if (asked === undefined || this.#stop.signal.aborted) return 'done';
    }
  }

  async #ask(node: number, positions: readonly Position[]): Promise<readonly Fetched[] | Ended> {
    const { client, clock, committed } = this.#options;
    const wanted = positions.filter((position) => !isRead(position));
    if (wanted.length === 0) return 'done';
    try {
      const answer = await client.ask(
        ApiKey.Fetch,
        (version) => ({
          ...(version <= 14 && { replicaId: CONSUMER_REPLICA_ID }),
          maxWaitMs: FETCH_WAIT_MS,
          minBytes: 1,
          maxBytes: FETCH_BYTES_MAX,
          isolationLevel: committed ? 1 : 0,
          ...NO_SESSION,
          topics: requestTopics(wanted),
          forgottenTopicsData: [],
        }),
        { node, versionMax: FETCH_VERSION_MAX },
      );
      if (answer.errorCode !== 0) throw brokerRefusal(`Node ${node} cannot be read from`, answer.errorCode);
      this.#lastAnswerAt = clock.monotonic();
      return answer.responses.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({
          partition,
          position: wanted.find((one) => one.topic === topic && one.partition === partition.partitionIndex)!,
        })),
      );
    } catch (error) {
      if (this.#mayRetry(error)) return 'again';
      throw error;
    }
  }

  /**
   * True if the metadata must be refreshed. Throws CommandError for errors that this cannot solve.
   */
  async #refused(position: Position, { errorCode, logStartOffset }: FetchedPartition): Promise<boolean> {
    const { client, sink } = this.#options;
    const name = showPosition(position);
    if (errorCode === ERROR_CODES.OFFSET_OUT_OF_RANGE) {
      const topic = this.#topicOf(position)!;
      const starts = await offsetsAt(client, topic, [this.#partitionOf(position)!], EARLIEST_TIMESTAMP);
      const start = starts.get(position.partition) ?? logStartOffset;
      if (start > position.next) {
        sink.warn(
          `The offsets ${position.next} to ${start - 1} of ${name} are gone: they were deleted or have expired.`,
        );
        position.next = start;
        return false;
      }
      throw brokerRefusal(`Offset ${position.next} of ${name} is not there`, errorCode);
    }
    // Reading it again would return the same bytes.
    if (errorCode === ERROR_CODES.CORRUPT_MESSAGE) throw brokerRefusal(`${name} was not read`, errorCode);
    // The metadata request detects deleted topics.
    if (isRetriable(errorCode) || errorCode === ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION) return true;
    throw brokerRefusal(`${name} was not read`, errorCode);
  }

  /** Returns false to stop reading. */
  async #handOut({ position, from, batches, partition }: Found): Promise<boolean> {
    const { committed, sink } = this.#options;
    const { topic, stop } = position;
    const aborted = new AbortedRecords(committed ? partition.abortedTransactions : null);
    try {
      for (const { header, bytes } of batches) {
        if (this.#stop.signal.aborted) return false;
        if (computeCrc(bytes) !== bytes.readUInt32BE(BatchField.crc)) {
          throw new CorruptRecordError(`batch at offset ${header.baseOffset} has a wrong checksum`);
        }
        if (!aborted.hides(header, bytes)) {
          const cursor = openBatch(bytes, header);
          while (cursor.next()) {
            if (cursor.offset < from) continue;
            if (stop !== undefined && cursor.offset >= stop) break;
            const goOn = sink.onRecord(readRecordAt(cursor), topic, position.partition);
            if (goOn) continue;
            sink.onProgress(topic, position.partition, cursor.offset + 1);
            // Stops at once, since answers of other leaders may be in progress.
            this.#stop.abort();
            return false;
          }
        }
        sink.onProgress(topic, position.partition, Math.min(lastOffset(header) + 1, stop ?? Number.MAX_SAFE_INTEGER));
        const written = sink.onBatch();
        if (written !== undefined) await written;
      }
      return true;
    } catch (error) {
      if (error instanceof CorruptRecordError) throw corrupt(showPosition(position), error);
      throw error;
    }
  }
}

function isRead({ next, stop }: Position): boolean {
  return stop !== undefined && next >= stop;
}

function requestTopics(positions: readonly Position[]) {
  return [...grouped(positions, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition, next }) => ({
      partition,
      fetchOffset: next,
      partitionMaxBytes: PARTITION_BYTES_MAX,
    })),
  }));
}

function showPosition({ topic, partition }: Position): string {
  return `${topic}-${partition}`;
}

function corrupt(name: string, error: CorruptRecordError): CommandError {
  return new CommandError(`${name} cannot be read: ${error.message} (CORRUPT_MESSAGE).`, {
    kafkaError: 'CORRUPT_MESSAGE',
    cause: error,
  });
}
