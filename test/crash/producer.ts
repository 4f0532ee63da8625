import { encodeBatch } from '../../lib/records/encode.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Ledger } from './ledger.ts';
import { between } from './seeded.ts';

const PRODUCE_VERSION = 9;

export interface ProducerOptions {
  readonly topic: string;
  readonly ledger: Ledger;
  /** -1 for a producer that is not idempotent. */
  readonly producerId: number;
  /** Requests in flight, at most; the broker remembers the last five batches of a producer. */
  readonly window: number;
  /** Waits up to this long before each new batch, so that some flushes hold one batch alone; ms. */
  readonly pauseMsMax: number;
  readonly random: () => number;
}

interface SentBatch {
  readonly id: number;
  readonly firstCount: number;
  readonly records: number;
  readonly frame: Buffer;
}

/**
 * A producer that outlives the broker: it keeps its producer id and sequence across connections and sends again, in order, what
 * was not acknowledged.
 */
export class CrashProducer {
  readonly #options: ProducerOptions;
  #unacknowledged: SentBatch[] = [];
  #lastId = 0;
  #isStopping = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Batches that were sent and not acknowledged. */
  get pending(): number {
    return this.#unacknowledged.length;
  }

  /** Sends no new batches; `run` returns once all are acknowledged. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Produces until the connection ends or, once stopped, all is acknowledged. Throws for an answer with an error. */
  async run(address: { host: string; port: number }): Promise<void> {
    let client: RawClient;
    try {
      client = await RawClient.connect(address);
    } catch {
      return; // killed in between
    }
    let connected = true;
    const receiving = this.#receive(client).finally(() => {
      connected = false;
    });
    // Nobody looks at this promise before the loop below ends.
    receiving.catch(() => {});
    for (const batch of this.#unacknowledged) void client.send(batch.frame);
    while (connected && !(this.#isStopping && this.#unacknowledged.length === 0)) {
      const { window, pauseMsMax, random } = this.#options;
      if (this.#isStopping || this.#unacknowledged.length >= window) {
        await pause(0);
        continue;
      }
      if (pauseMsMax > 0) await pause(between(random, 0, pauseMsMax));
      if (connected && !this.#isStopping) void client.send(this.#next().frame);
    }
    client.socket.destroy();
    await receiving;
  }

  async #receive(client: RawClient): Promise<void> {
    for (;;) {
      const frame = await client.receive();
      if (frame === undefined) return;
      const answer = decodeResponse(ApiKey.Produce, PRODUCE_VERSION, frame);
      if (answer.kind === 'malformed') throw new Error(answer.reason);
      const [partition] = answer.body.responses[0]!.partitionResponses;
      const { ledger } = this.#options;
      const batch = this.#unacknowledged.shift();
      if (batch?.id !== answer.correlationId) throw new Error(`answer ${answer.correlationId} came to ${batch?.id}`);
      if (partition!.errorCode !== 0) {
        throw new Error(`${ledger.producer}: error ${partition!.errorCode} for records from ${batch.firstCount} on`);
      }
      for (let index = 0; index < batch.records; index++) {
        ledger.acknowledged.set(batch.firstCount + index, partition!.baseOffset + index);
      }
    }
  }

  #next(): SentBatch {
    const { topic, ledger, producerId, random } = this.#options;
    const firstCount = ledger.sent;
    const records = between(random, 1, 3);
    const size = Math.floor(batchBytes(random) / records);
    const values = Array.from({ length: records }, (_, index) => valueFor(ledger.producer, firstCount + index, size));
    const batch = encodeBatch(
      values.map((value) => ({ timestamp: Date.now(), value })),
      producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: firstCount },
    );
    const body = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: ledger.partition, records: [batch] }] }],
    };
    const id = ++this.#lastId;
    const frame = Buffer.concat(encodeRequest(ApiKey.Produce, PRODUCE_VERSION, id, ledger.producer, body));
    const sent = { id, firstCount, records, frame };
    ledger.sent += records;
    this.#unacknowledged.push(sent);
    return sent;
  }
}

/** Mostly small, some middling, a few beyond what goes into an entry, so that they go to a WAL object. */
function batchBytes(random: () => number): number {
  const kind = random();
  if (kind < 0.9) return between(random, 60, 2_000);
  return kind < 0.98 ? between(random, 4_000, 40_000) : between(random, 280_000, 600_000);
}

/** The value of a producer's record: whose it is, which, and filling. */
export function valueFor(producer: string, count: number, size: number): Buffer {
  const head = `${producer}:${count}:`;
  return Buffer.alloc(Math.max(size, head.length), head);
}

/** Whose record a value is, and which; undefined if it is none of these. */
export function readValue(value: Buffer): { readonly producer: string; readonly count: number } | undefined {
  const match = /^([^:]+):(\d+):/.exec(value.toString('latin1', 0, 64));
  return match === null ? undefined : { producer: match[1]!, count: Number(match[2]) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}
