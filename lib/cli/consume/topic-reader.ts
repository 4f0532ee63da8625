import { type Clock, sleep } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { ApiKey, type ResponseBody } from '../../protocol/apis.ts';
import { BatchField, type BatchView, computeCrc, lastOffset, splitBatches } from '../../protocol/records/batch.ts';
import { CorruptRecordError } from '../../protocol/records/error.ts';
import { type Record as KafkaRecord, openBatch, recordAt } from '../../protocol/records/record.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { EARLIEST_TIMESTAMP, offsetsAt } from '../client/offsets.ts';
import { findTopic, partitionsByLeader, type Topic } from '../client/topics.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';
import { whenAborted } from '../interruption.ts';
import { AbortedRecords } from './aborted-records.ts';
import type { Range } from './resolve-start.ts';

export interface TopicReaderOptions {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly topic: Topic;
  readonly ranges: readonly Range[];
  /** Stops at the ends of the ranges instead of waiting for more. */
  readonly untilEnd: boolean;
  /** Leaves out what belongs to open or aborted transactions. */
  readonly committed: boolean;
  /** How long to try again when a broker cannot be reached. */
  readonly timeoutMs: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** False when no more records are wanted. */
  onRecord(record: KafkaRecord, partition: number): boolean;
  /** After the records of each answer; reading goes on when it resolves. */
  onAnswer(): Promise<void>;
  /** Something that the user should know. */
  warn(message: string): void;
}

interface Position {
  readonly partition: number;
  readonly end: number;
  /** What to fetch next; ahead of what was handed out while an answer is being worked off. */
  next: number;
}

type FetchedPartition = ResponseBody<typeof ApiKey.Fetch>['responses'][number]['partitions'][number];
/** `again`: leaders or connections have changed. */
type Ended = 'done' | 'again';

/** Topics by name: 13 has ids instead. */
const FETCH_VERSION_MAX = 12;
/** How long a broker may hold a fetch while there is nothing; Ctrl-C does not wait for it. */
const FETCH_WAIT_MS = 500;
/** As Kafka's consumer (fetch.max.bytes), and more per partition than its 1 MiB, since there are few of them. */
const FETCH_BYTES_MAX = 50 * 1024 * 1024;
const PARTITION_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_MS = 200;
const CONSUMER_REPLICA_ID = -1;
/** Epoch -1: a fetch without a session (KIP-227). */
const NO_SESSION = { sessionId: 0, sessionEpoch: -1 };

/** Reads the partitions of a topic, each in the order of its offsets, from their leaders at the same time. */
export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #positions: readonly Position[];
  readonly #stop = new AbortController();
  #topic: Topic;
  #lastAnswerAt: number;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
    this.#topic = options.topic;
    this.#positions = options.ranges.map(({ partition, start, end }) => ({ partition, end, next: start }));
    this.#lastAnswerAt = options.clock.monotonic();
    options.signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    if (options.signal.aborted) this.#stop.abort();
  }

  /** Resolves when all is read, no more is wanted, or the signal has come. Rejects with CommandError. */
  async run(): Promise<void> {
    const { client, clock, timeoutMs } = this.#options;
    for (;;) {
      const groups = partitionsByLeader(
        this.#topic.partitions.filter(({ index }) => this.#positions.some(({ partition }) => partition === index)),
      );
      const round = new AbortController();
      const ended = await Promise.all(
        [...groups].map(async ([leader, led]) => {
          const wanted = this.#positions.filter((one) => led.some(({ index }) => index === one.partition));
          let result: Ended = 'again';
          try {
            result = await this.#readFrom(leader, wanted, AbortSignal.any([round.signal, this.#stop.signal]));
            return result;
          } finally {
            // One leader that has changed means new metadata for all.
            if (result === 'again') round.abort();
          }
        }),
      );
      if (this.#stop.signal.aborted || ended.every((one) => one === 'done')) return;
      await sleep(clock, RETRY_MS, this.#stop.signal);
      try {
        this.#topic = await findTopic(client, this.#topic.name, { clock, timeoutMs });
      } catch (error) {
        if (!this.#mayRetry(error)) throw error;
      }
    }
  }

  #isRead({ next, end }: Position): boolean {
    return this.#options.untilEnd && next >= end;
  }

  #mayRetry(error: unknown): boolean {
    const { clock, timeoutMs } = this.#options;
    return error instanceof ConnectionError && clock.monotonic() - this.#lastAnswerAt < timeoutMs;
  }

  async #readFrom(leader: number, positions: readonly Position[], signal: AbortSignal): Promise<Ended> {
    const aborted = whenAborted(signal);
    let asked: Promise<readonly FetchedPartition[] | Ended> | undefined;
    for (;;) {
      asked ??= this.#ask(leader, positions);
      const answer = await Promise.race([asked, aborted]);
      if (answer === undefined || signal.aborted) {
        // What is on its way still belongs to the old round, and nobody waits for it any more.
        asked.catch(() => {});
        return 'again';
      }
      if (typeof answer === 'string') return answer;
      const found: { position: Position; from: number; batches: readonly BatchView[]; partition: FetchedPartition }[] =
        [];
      for (const partition of answer) {
        const position = positions.find((one) => one.partition === partition.partitionIndex)!;
        if (partition.errorCode !== 0) {
          if (await this.#refused(position, partition)) return 'again';
          continue;
        }
        const batches = splitBatches(partition.records ?? Buffer.alloc(0));
        const from = position.next;
        const last = batches.at(-1);
        if (last !== undefined) position.next = lastOffset(last.header) + 1;
        found.push({ position, from, batches, partition });
      }
      // The next answer comes while this one is being written.
      asked = positions.every((position) => this.#isRead(position)) ? undefined : this.#ask(leader, positions);
      asked?.catch(() => {});
      for (const { position, from, batches, partition } of found) {
        if (this.#handOut(position, from, batches, partition)) continue;
        this.#stop.abort();
        break;
      }
      await this.#options.onAnswer();
      if (asked === undefined || this.#stop.signal.aborted) return 'done';
    }
  }

  async #ask(node: number, positions: readonly Position[]): Promise<readonly FetchedPartition[] | Ended> {
    const { client, clock, committed } = this.#options;
    const wanted = positions.filter((position) => !this.#isRead(position));
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
          topics: [
            {
              topic: this.#topic.name,
              partitions: wanted.map(({ partition, next }) => ({
                partition,
                fetchOffset: next,
                partitionMaxBytes: PARTITION_BYTES_MAX,
              })),
            },
          ],
          forgottenTopicsData: [],
        }),
        { node, versionMax: FETCH_VERSION_MAX },
      );
      if (answer.errorCode !== 0) throw brokerRefusal(`Topic ${this.#topic.name} was not read`, answer.errorCode);
      this.#lastAnswerAt = clock.monotonic();
      return answer.responses[0]?.partitions ?? [];
    } catch (error) {
      if (this.#mayRetry(error)) return 'again';
      throw error;
    }
  }

  /** True if metadata has to be asked for again; throws CommandError if that cannot help. */
  async #refused(position: Position, { errorCode, logStartOffset }: FetchedPartition): Promise<boolean> {
    const { client, warn } = this.#options;
    const name = `${this.#topic.name}-${position.partition}`;
    if (errorCode === ERROR_CODES.OFFSET_OUT_OF_RANGE) {
      const partition = this.#topic.partitions.find(({ index }) => index === position.partition)!;
      const starts = await offsetsAt(client, this.#topic, [partition], EARLIEST_TIMESTAMP);
      const start = starts.get(position.partition) ?? logStartOffset;
      if (start > position.next) {
        warn(`The offsets ${position.next} to ${start - 1} of ${name} are gone: they were deleted or have expired.`);
        position.next = start;
        return false;
      }
      throw brokerRefusal(`Offset ${position.next} of ${name} is not there`, errorCode);
    }
    // A topic that is gone is told apart when its metadata is asked for.
    if (isRetriable(errorCode) || errorCode === ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION) return true;
    throw brokerRefusal(`${name} was not read`, errorCode);
  }

  /** False when no more records are wanted. */
  #handOut(position: Position, from: number, batches: readonly BatchView[], partition: FetchedPartition): boolean {
    const { committed, untilEnd, onRecord } = this.#options;
    const aborted = new AbortedRecords(committed ? partition.abortedTransactions : null);
    try {
      for (const { header, bytes } of batches) {
        if (computeCrc(bytes) !== bytes.readUInt32BE(BatchField.crc)) {
          throw new CorruptRecordError(`batch at offset ${header.baseOffset} has a wrong checksum`);
        }
        if (aborted.hides(header, bytes)) continue;
        const cursor = openBatch(bytes, header);
        while (cursor.next()) {
          if (cursor.offset < from) continue;
          if (untilEnd && cursor.offset >= position.end) break;
          if (!onRecord(recordAt(cursor), position.partition)) return false;
        }
      }
      return true;
    } catch (error) {
      if (error instanceof CorruptRecordError) throw corrupt(`${this.#topic.name}-${position.partition}`, error);
      throw error;
    }
  }
}

function corrupt(name: string, error: CorruptRecordError): CommandError {
  return new CommandError(`${name} cannot be read: ${error.message} (CORRUPT_MESSAGE).`, {
    kafkaError: 'CORRUPT_MESSAGE',
    cause: error,
  });
}
