import { type Clock, sleep } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { ApiKey } from '../../wire/apis.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopic, type TopicPartition } from '../client/topics.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';

/** A batch that is ready to send. */
export interface SealedBatch {
  /** The encoded batch, with its sequence if there is one. Retries send the same bytes. */
  readonly bytes: Buffer;
  readonly records: number;
  /** Bytes of the input, delimiters included. */
  readonly inputBytes: number;
  /** The number of its first record in the input, from 1. */
  readonly firstRecord: number;
}

export interface SenderOptions {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly topic: string;
  readonly partition: TopicPartition;
  readonly acks: -1 | 0 | 1;
  /** How long a batch is retried. */
  readonly timeoutMs: number;
  /** `baseOffset` is -1 if the broker did not return it. */
  onStored(batch: SealedBatch, baseOffset: number): void;
  onFailed(error: CommandError): void;
}

type Outcome =
  | { readonly kind: 'stored'; readonly baseOffset: number }
  | { readonly kind: 'again'; readonly error: CommandError }
  | { readonly kind: 'failed'; readonly error: CommandError };

/**
 * Batches in flight per partition: as many as brokers remember per idempotent producer (KIP-98).
 */
const IN_FLIGHT_MAX = 5;
const RETRY_MS = 200;

/**
 * Sends batches to one partition in order, several at a time. After a transient failure it waits
 * for the later batches in flight, then resends all that are not stored, in the same order. By
 * their sequences the broker recognizes those that it already has.
 */
export class PartitionSender {
  readonly #options: SenderOptions;
  /** Not stored yet, oldest first. */
  #waiting: SealedBatch[] = [];
  /** How many of `#waiting`, from its front, are in flight. */
  #sent = 0;
  #inFlight = 0;
  #leader: number;
  /** Why batches must be sent again; set until they are. */
  #trouble: CommandError | undefined;
  #troubleSince = 0;
  #failed = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#leader = options.partition.leader;
  }

  /** Sends a batch after the earlier ones. */
  push(batch: SealedBatch): void {
    this.#waiting.push(batch);
    this.#pump();
  }

  #pump(): void {
    while (!this.#failed && this.#trouble === undefined && this.#inFlight < IN_FLIGHT_MAX) {
      const batch = this.#waiting[this.#sent];
      if (batch === undefined) return;
      this.#sent++;
      this.#inFlight++;
      void this.#send(batch);
    }
  }

  async #send(batch: SealedBatch): Promise<void> {
    const outcome = await this.#ask(batch);
    this.#inFlight--;
    if (outcome.kind === 'stored') {
      this.#waiting.splice(this.#waiting.indexOf(batch), 1);
      this.#sent--;
      this.#options.onStored(batch, outcome.baseOffset);
      if (this.#trouble === undefined) this.#troubleSince = 0;
    } else if (outcome.kind === 'failed') {
      this.#fail(outcome.error);
    } else {
      this.#trouble ??= outcome.error;
    }
    if (this.#trouble !== undefined && this.#inFlight === 0 && !this.#failed) await this.#recover(this.#trouble);
    this.#pump();
  }

  async #recover(trouble: CommandError): Promise<void> {
    const { client, clock, topic, partition, timeoutMs } = this.#options;
    this.#troubleSince ||= clock.monotonic();
    if (clock.monotonic() - this.#troubleSince > timeoutMs) return this.#fail(trouble);
    await sleep(clock, RETRY_MS);
    try {
      const found = await findTopic(client, topic, { clock, timeoutMs });
      this.#leader = found.partitions.find(({ index }) => index === partition.index)?.leader ?? this.#leader;
    } catch (error) {
      // If no broker is reachable, the next attempt fails the same way until the time is over.
      if (!(error instanceof ConnectionError)) return this.#fail(asCommandError(error));
    }
    this.#sent = 0;
    this.#trouble = undefined;
  }

  #fail(error: CommandError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailed(error);
  }

  async #ask(batch: SealedBatch): Promise<Outcome> {
    const { client, topic, partition, acks, timeoutMs } = this.#options;
    const request = {
      acks,
      timeoutMs,
      topicData: [{ name: topic, partitionData: [{ index: partition.index, records: [batch.bytes] }] }],
    };
    try {
      const answer = await client.ask(ApiKey.Produce, request, {
        node: this.#leader,
        versionMax: PRODUCE_VERSION_MAX,
        unanswered: acks === 0,
      });
      if (acks === 0) {
        await client.writable(this.#leader);
        return { kind: 'stored', baseOffset: -1 };
      }
      const { errorCode, errorMessage, baseOffset, recordErrors } = answer.responses[0]!.partitionResponses[0]!;
      if (errorCode === 0) return { kind: 'stored', baseOffset };
      return this.#refused(batch, errorCode, recordErrors[0]?.batchIndexErrorMessage ?? errorMessage);
    } catch (error) {
      return { kind: error instanceof ConnectionError ? 'again' : 'failed', error: asCommandError(error) };
    }
  }

  #refused(batch: SealedBatch, code: number, message: string | null): Outcome {
    // The broker has the batch but no longer knows its offset (Kafka's Sender also counts this as
    // success).
    if (code === ERROR_CODES.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'stored', baseOffset: -1 };
    const { topic, partition } = this.#options;
    const last = batch.firstRecord + batch.records - 1;
    const which =
      batch.records === 1 ? `Record ${batch.firstRecord} was` : `Records ${batch.firstRecord} to ${last} were`;
    const what = `${which} not stored in ${topic}-${partition.index}`;
    const error = brokerRefusal(what, code, message, isTooLarge(code) ? adviceFor(batch, topic) : undefined);
    const isBehindAnother = code === ERROR_CODES.OUT_OF_ORDER_SEQUENCE_NUMBER && this.#waiting[0] !== batch;
    // #recover detects a topic that was deleted.
    const mayPass = isRetriable(code) || code === ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION || isBehindAnother;
    return { kind: mayPass ? 'again' : 'failed', error };
  }
}

function isTooLarge(code: number): boolean {
  return code === ERROR_CODES.MESSAGE_TOO_LARGE || code === ERROR_CODES.RECORD_LIST_TOO_LARGE;
}

/**
 * --batch-size cannot make a batch of one record smaller.
 */
function adviceFor({ records, bytes }: SealedBatch, topic: string): string | undefined {
  if (records > 1) return undefined;
  return (
    `As a batch the record takes ${bytes.length} bytes: raise the topic's limit with tidelog topics alter ${topic} ` +
    `-c max.message.bytes=${bytes.length}, try --compression, or cut the input into smaller records with --delimiter.`
  );
}

/** The version that names topics; from 13 on, there are ids instead. */
const PRODUCE_VERSION_MAX = 12;

function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  // A bug of this program. It ends the command.
  return new CommandError(`Sending failed: ${error instanceof Error ? error.message : String(error)}.`, {
    cause: error,
  });
}
