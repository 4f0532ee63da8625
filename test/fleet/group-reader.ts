import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { readValue } from '../crash/producer.ts';
import type { Report } from '../simulation/ledger.ts';
import '../support/kafkajs-client.ts';
import '../support/kafkajs-fresh-buffers.ts';
import { recordId } from '../chaos/witness.ts';
import { READER_SESSION_MS, type ReaderMessage } from './reader-message.ts';

/** What all readers together saw at each offset of each partition. */
export class Shown {
  readonly #ids: Map<number, string>[];
  readonly #report: Report;

  constructor(partitions: number, report: Report) {
    this.#report = report;
    this.#ids = Array.from({ length: partitions }, () => new Map());
  }

  take(who: string, partition: number, offset: number, id: string): void {
    const known = this.#ids[partition]!.get(offset);
    if (known === undefined) this.#ids[partition]!.set(offset, id);
    else if (known !== id)
      this.#report('readOther', `${who}, partition ${partition}: ${offset} is ${id}, was ${known}`);
  }
}

export interface GroupReaderOptions {
  readonly name: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly shown: Shown;
  readonly report: Report;
}

/** An application that reads all partitions as the one member of a group. It may read again what it had read, and skips nothing. */
export abstract class GroupReader {
  readonly options: GroupReaderOptions;
  /** One past the last offset that it has read without a gap before it. */
  readonly ends: number[];
  /** How often the library, or its process, has begun anew. */
  restarts = 0;
  /** The errors that it told of then. */
  readonly causes = new Map<string, number>();

  constructor(options: GroupReaderOptions) {
    this.options = options;
    this.ends = Array.from({ length: options.partitions }, () => 0);
  }

  abstract start(): Promise<void>;
  abstract stop(): Promise<void>;

  protected take(partition: number, offset: number, value: Buffer): void {
    const { name, shown, report } = this.options;
    const read = readValue(value);
    shown.take(name, partition, offset, read === undefined ? 'a stranger' : recordId(read));
    const end = this.ends[partition]!;
    if (offset > end) report('skipped', `${name}, partition ${partition}: ${offset} comes where ${end} was to come`);
    this.ends[partition] = Math.max(end, offset + 1);
  }
}

export class KafkajsGroupReader extends GroupReader {
  #stop = async () => {};

  async start(): Promise<void> {
    const { name, brokers, topic } = this.options;
    const kafka = new Kafka({
      clientId: name,
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2_000,
      requestTimeout: 6_000,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 10 },
    });
    const consumer = kafka.consumer({
      groupId: `of-${name}`,
      sessionTimeout: READER_SESSION_MS,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 300,
      metadataMaxAge: 2_000,
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      this.restarts++;
      this.causes.set(error.name, (this.causes.get(error.name) ?? 0) + 1);
    });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommitInterval: 500,
      eachMessage: async ({ partition, message }) => {
        this.take(partition, Number(message.offset), message.value ?? Buffer.alloc(0));
      },
    });
    this.#stop = () => consumer.disconnect();
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

/** The topic is written to all the time; with a session and a rebalance in between nothing comes for less than this; ms. */
const SILENCE_MS_MAX = 2 * READER_SESSION_MS;

/**
 * @platformatic/kafka in a process of its own: version 1.35.0 throws where nobody can catch it when the coordinator that it remembers is
 * no longer among the brokers. Then the process ends and is started again, as whatever supervises an application does; so it is
 * when it has stopped reading without an error, which it does as well.
 */
export class PlatformaticGroupReader extends GroupReader {
  #child: ChildProcess | undefined;
  #isStopping = false;

  start(): Promise<void> {
    return new Promise((resolve) => this.#fork(resolve));
  }

  #fork(reading: () => void): void {
    const { name, brokers, topic } = this.options;
    const path = fileURLToPath(new URL('platformatic-reader.ts', import.meta.url));
    const args = [name, topic, ...brokers];
    const child = fork(path, args, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#child = child;
    const end = () => child.kill('SIGKILL');
    process.on('exit', end);
    let silence = setTimeout(end, SILENCE_MS_MAX);
    child.on('exit', () => {
      clearTimeout(silence);
      process.off('exit', end);
      if (this.#isStopping) return;
      this.restarts++;
      this.#fork(reading);
    });
    child.on('message', (message: ReaderMessage) => {
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS_MAX);
      if (message === 'reading') return reading();
      this.take(message.partition, message.offset, Buffer.from(message.value, 'base64'));
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGKILL');
  }
}
