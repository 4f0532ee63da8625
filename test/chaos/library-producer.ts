import { setTimeout as wait } from 'node:timers/promises';
import { between } from '../crash/seeded.ts';
import type { Report } from '../simulation/ledger.ts';
import type { Pending, Sent } from './sent.ts';
import { within } from './waiting.ts';

/** A producer of a library from npm, with what is the same about all of them. */
export interface Sender {
  /** How often one `send` may put its batch on the wire, at most. */
  readonly attemptsPerSend: number;
  /** Sends records to one partition and resolves with the offset of the first. */
  send(partition: number, values: readonly Buffer[]): Promise<number>;
  /** Drops its connections, and keeps its producer id and sequences. */
  reconnect(): Promise<void>;
  close(): Promise<void>;
}

export interface LibraryOptions {
  readonly sent: Sent;
  readonly makeSender: () => Sender;
  /** Waits up to this long before each new batch; ms. */
  readonly pauseMsMax: number;
  readonly random: () => number;
  readonly report: Report;
  /** After a failed `send` the application does nothing but ask again: the library has to find its way by itself. */
  readonly isPatient?: boolean;
}

/** An application waits so long for one `send`, whatever its library is still trying; ms. */
const PATIENCE_MS = 25_000;
/** After a failed `send` the application reconnects, or begins anew as if it had been restarted, with these chances. */
const RECONNECTS = 0.4;
const BEGINS_ANEW = 0.1;

/** Refusals that a producer with one batch on its way at a time gives no reason for. */
const NEVER = /OUT_OF_ORDER_SEQUENCE_NUMBER|DUPLICATE_SEQUENCE_NUMBER|INVALID_PRODUCER_EPOCH|UNKNOWN_PRODUCER_ID/;
const UNKNOWN_TOPIC = /UNKNOWN_TOPIC/;
const RETRIABLE =
  /REQUEST_TIMED_OUT|KAFKA_STORAGE_ERROR|NOT_LEADER|LEADER_NOT_AVAILABLE|COORDINATOR_NOT_AVAILABLE|BROKER_NOT_FOUND/;

/** An application that has its library send the same records again until they are acknowledged, and then the next. */
export class LibraryProducer {
  readonly sent: Sent;
  readonly #options: LibraryOptions;
  #sender: Sender;
  #isStopping = false;
  #isAbandoned = false;

  constructor(options: LibraryOptions) {
    this.#options = options;
    this.sent = options.sent;
    this.#sender = options.makeSender();
  }

  /** Makes no new batches; `run` returns once all are acknowledged. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Ends `run` although not everything is acknowledged. */
  abandon(): void {
    this.#isStopping = true;
    this.#isAbandoned = true;
  }

  async run(): Promise<void> {
    const { random, pauseMsMax } = this.#options;
    while (!this.#isStopping) {
      const batch = this.sent.next(random);
      while (!(await this.#send(batch)) && !this.#isAbandoned) await wait(between(random, 50, 400));
      await wait(between(random, 0, pauseMsMax));
    }
    void this.#sender.close().catch(() => {});
  }

  async #send(batch: Pending): Promise<boolean> {
    this.sent.attempted(batch, this.#sender.attemptsPerSend);
    try {
      const offset = await within(this.#sender.send(this.sent.partition, batch.values), PATIENCE_MS);
      if (offset === 'late') {
        this.#beginAnew(batch);
        return false;
      }
      this.sent.took(batch, offset);
      return true;
    } catch (error) {
      await this.#failed(batch, error);
      return false;
    }
  }

  async #failed(batch: Pending, error: unknown): Promise<void> {
    const { random, report } = this.#options;
    const names = errorNames(error);
    const what = `${this.sent.producer}: records from ${batch.firstCount} on were refused: ${names}`;
    if (NEVER.test(names)) {
      report('wronglyRefused', what);
      this.#beginAnew(batch);
    } else if (UNKNOWN_TOPIC.test(names)) {
      report('unknownTopic', what);
    } else if (
      /\b[A-Z]+_[A-Z_]+\b/.test(names.replaceAll(/\bPLT_KFK_\w+|\bE[A-Z]+\b/g, '')) &&
      !RETRIABLE.test(names)
    ) {
      report('unexpectedError', what);
    } else if (this.#options.isPatient === true) {
      return;
    } else if (random() < BEGINS_ANEW) {
      this.#beginAnew(batch);
    } else if (random() < RECONNECTS) {
      await within(this.#sender.reconnect(), PATIENCE_MS).catch(() => {});
    }
  }

  #beginAnew(batch: Pending): void {
    void this.#sender.close().catch(() => {});
    this.sent.givenUp(batch);
    this.#sender = this.#options.makeSender();
  }
}

/** Kafka's names of errors and the messages, of an error and all that it wraps. */
function errorNames(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 5) return String(error);
  const { type, apiId, message, cause, originalError, errors } = error as {
    readonly [name: string]: unknown;
  };
  const inner = [cause, originalError, ...(Array.isArray(errors) ? errors.slice(-2) : [])];
  return [type, apiId, message, ...inner.filter((one) => one !== undefined).map((one) => errorNames(one, depth + 1))]
    .filter((one) => typeof one === 'string')
    .join(' / ');
}
