import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '../../lib/core/errors.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { between } from '../crash/seeded.ts';
import type { Report } from '../simulation/ledger.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Pending, Sent } from './sent.ts';
import { within } from './waiting.ts';

const PRODUCE_VERSION = 9;
const RETRIABLE = new Set([errorCode('REQUEST_TIMED_OUT'), errorCode('KAFKA_STORAGE_ERROR')]);
const OUT_OF_ORDER = errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER');
/** How long a gateway may take to answer before the producer turns to another. */
const PATIENCE_MS = [1_500, 9_000] as const;

export interface PipelinedOptions {
  readonly topic: string;
  readonly sent: Sent;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Batches on their way at once; a producer without a producer id has one, since more could overtake each other. */
  readonly window: number;
  /** Waits up to this long before each new batch; ms. */
  readonly pauseMsMax: number;
  readonly random: () => number;
  readonly report: Report;
}

interface Batch extends Pending {
  readonly bytes: Buffer;
}

/**
 * A producer as librdkafka is: several batches on their way, and after a failure everything unacknowledged again, in order, with
 * the same sequences, to whichever gateway it finds. What it sent before stays behind in the sockets of those that stand still.
 */
export class PipelinedProducer {
  readonly sent: Sent;
  readonly #options: PipelinedOptions;
  #producerId = -1;
  #unacknowledged: Batch[] = [];
  #isStopping = false;
  #isAbandoned = false;
  #lastId = 0;

  constructor(options: PipelinedOptions) {
    this.#options = options;
    this.sent = options.sent;
  }

  /** Makes no new batches; `run` returns once all are acknowledged. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Ends `run` although not everything is acknowledged. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  get #isDone(): boolean {
    return this.#isAbandoned || (this.#isStopping && this.#unacknowledged.length === 0);
  }

  async run(): Promise<void> {
    const { random } = this.#options;
    while (this.sent.idempotent && this.#producerId < 0 && !this.#isAbandoned) {
      this.#producerId = await this.#newProducerId();
      if (this.#producerId < 0) await wait(between(random, 50, 300));
    }
    while (!this.#isDone) {
      await this.#session();
      await wait(between(random, 10, 300));
    }
  }

  #connect(): Promise<RawClient> {
    const { addresses, random } = this.#options;
    return RawClient.connect(addresses[between(random, 0, addresses.length - 1)]!);
  }

  async #newProducerId(): Promise<number> {
    const { addresses, random } = this.#options;
    const client = await TcpClient.connect(addresses[between(random, 0, addresses.length - 1)]!);
    const asked = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const told = await within(client.tell(ApiKey.InitProducerId, 4, asked), PATIENCE_MS[0]);
    client.raw.reset();
    return told !== 'late' && told.kind === 'answer' && told.body.errorCode === 0 ? told.body.producerId : -1;
  }

  /** One connection's time: until it ends, an answer is an error or does not come, or the producer wanders off. */
  async #session(): Promise<void> {
    const { window, pauseMsMax, random } = this.#options;
    const client = await this.#connect();
    const session = { alive: true, inFlight: [] as { id: number; batch: Batch; at: number }[] };
    const patienceMs = between(random, ...PATIENCE_MS);
    void this.#receive(client, session).finally(() => {
      session.alive = false;
    });
    const send = (batch: Batch) => {
      const id = ++this.#lastId;
      session.inFlight.push({ id, batch, at: performance.now() });
      this.sent.attempted(batch);
      void client.send(this.#frame(id, batch));
    };
    for (const batch of this.#unacknowledged.slice()) send(batch);
    while (session.alive && !this.#isDone) {
      const oldest = session.inFlight[0];
      if (oldest !== undefined && performance.now() - oldest.at > patienceMs) break;
      if (this.#isStopping || this.#unacknowledged.length >= window) {
        await wait(2);
        continue;
      }
      await wait(between(random, 0, pauseMsMax));
      if (!session.alive || this.#isStopping) continue;
      if (random() < 0.002) break;
      const batch = this.#make();
      this.#unacknowledged.push(batch);
      send(batch);
    }
    session.alive = false;
    // Either end leaves something different behind for a gateway that stands still.
    if (random() < 0.7) client.end();
    else client.reset();
  }

  #make(): Batch {
    const pending = this.sent.next(this.#options.random);
    const producer = { producerId: this.#producerId, producerEpoch: 0, baseSequence: pending.firstCount };
    const records = pending.values.map((value) => ({ timestamp: Date.now(), value }));
    return { ...pending, bytes: encodeBatch(records, this.sent.idempotent ? producer : {}) };
  }

  #frame(id: number, { bytes }: Batch): Buffer {
    const partitionData = [{ index: this.sent.partition, records: [bytes] }];
    const topicData = [{ name: this.#options.topic, partitionData }];
    const body = { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData };
    return Buffer.concat(encodeRequest(ApiKey.Produce, PRODUCE_VERSION, id, this.sent.producer, body));
  }

  /** Takes answers until one is an error. */
  async #receive(
    client: RawClient,
    session: { alive: boolean; inFlight: { id: number; batch: Batch }[] },
  ): Promise<void> {
    for (;;) {
      const frame = await client.receive();
      // What comes after the producer has left is not for it any more: it has sent everything elsewhere.
      if (frame === undefined || !session.alive) return;
      const answer = decodeResponse(ApiKey.Produce, PRODUCE_VERSION, frame);
      const asked = session.inFlight.shift();
      const { producer } = this.sent;
      if (answer.kind === 'malformed' || answer.correlationId !== asked?.id) {
        const what = answer.kind === 'malformed' ? answer.reason : `${answer.correlationId} came to ${asked?.id}`;
        return this.#options.report('unexpectedError', `${producer}: answer ${what}`);
      }
      const told = answer.body.responses[0]!.partitionResponses[0]!;
      if (told.errorCode !== 0) return this.#refused(asked.batch, told.errorCode, told.errorMessage ?? '');
      this.#unacknowledged = this.#unacknowledged.filter((batch) => batch !== asked.batch);
      this.sent.took(asked.batch, told.baseOffset);
    }
  }

  #refused(batch: Batch, code: number, message: string): void {
    if (RETRIABLE.has(code)) return;
    const { report } = this.#options;
    const what = `${this.sent.producer}: records from ${batch.firstCount} on were answered ${code} ${message}`;
    // Behind one that failed it is what Kafka answers, too; the one that comes next has no reason to be refused.
    if (code !== OUT_OF_ORDER) report('unexpectedError', what);
    else if (batch === this.#unacknowledged[0]) report('wronglyRefused', what);
  }
}
