import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BrokerAddress } from './broker-process.ts';
import { withoutSettings } from './environment.ts';
import { JavaProgram, javaMissing } from './java-program.ts';
import { KAFKA_TOOLS_VERSION } from './kafka-tools.ts';
import { scaled } from './machine.ts';
import { type Program, programArguments } from './programs.ts';
import { PYTHON, pythonHas } from './python-client.ts';
import { pythonWith } from './python-venv.ts';

const COMPAT = join(import.meta.dirname, '../compat');
const ANSWER_TIMEOUT_MS = 60_000;

/** What the client said instead of doing as it was told. */
export class ClientError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** A client in a process of its own, with at most one transactional producer. */
export class Transactor {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #said = '';

  constructor([command, ...args]: readonly [string, ...string[]]) {
    this.#child = spawn(command, args, { env: withoutSettings(process.env), stdio: ['pipe', 'pipe', 'pipe'] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#child.stdin!.on('error', () => {});
  }

  /** Starts a producer with a transactional id, which fences the one before. */
  async init(transactionalId: string, timeoutMs = 60_000): Promise<void> {
    await this.#ask('init', transactionalId, String(timeoutMs));
  }

  async begin(): Promise<void> {
    await this.#ask('begin');
  }

  /** Writes values, none of which has a space, and waits until they are acknowledged. */
  async send(topic: string, partition: number, ...values: string[]): Promise<void> {
    await this.#ask('send', topic, String(partition), ...values);
  }

  async offsets(group: string, topic: string, partition: number, offset: number): Promise<void> {
    await this.#ask('offsets', group, topic, String(partition), String(offset));
  }

  async commit(): Promise<void> {
    await this.#ask('commit');
  }

  async abort(): Promise<void> {
    await this.#ask('abort');
  }

  /**
   * Writes values outside of any transaction, one to each of the first partitions in turn, and waits until they are
   * acknowledged. Only the Java client does so.
   */
  async write(topic: string, partitions: number, values: readonly string[]): Promise<void> {
    await this.#ask('write', topic, String(partitions), ...values);
  }

  /** The values of all partitions, as `PARTITION:VALUE`, up to where the isolation level lets it read now. */
  read(topic: string, isolation: 'committed' | 'uncommitted'): Promise<string[]> {
    return this.#ask('read', topic, isolation);
  }

  /** The committed offset of a group; -1 if there is none. */
  async committed(group: string, topic: string, partition: number): Promise<number> {
    const [offset] = await this.#ask('committed', group, topic, String(partition));
    return Number(offset);
  }

  /** kill -9 */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  async #ask(...words: string[]): Promise<string[]> {
    this.#child.stdin!.write(`${words.join(' ')}\n`);
    const giveUp = setTimeout(() => this.#child.kill('SIGKILL'), scaled(ANSWER_TIMEOUT_MS));
    const { value, done } = await this.#answers.next();
    clearTimeout(giveUp);
    if (done === true) throw new Error(`no answer to ${words.join(' ')}: ${this.#said}`);
    const [outcome, ...rest] = value.split(' ');
    if (outcome === 'ok') return rest;
    throw new ClientError(rest[0]!, `${words[0]}: ${rest.join(' ')}`);
  }
}

/** A client that has transactions. */
export interface TransactionClient {
  readonly name: string;
  /** Why it cannot be run here; undefined if it can. */
  readonly missing: string | undefined;
  /** Whether a transaction can commit offsets of a group without a consumer that has read. */
  readonly hasOffsets: boolean;
  /** The names of what a producer may get that was fenced. */
  readonly fenced: RegExp;
  /** Gets ready what its processes need. */
  prepare(): Promise<PreparedClient>;
}

export interface PreparedClient {
  start(cluster: BrokerAddress): Transactor;
  close(): Promise<void>;
}

const NOTHING_TO_CLOSE = async () => {};

/** All of them, the newest librdkafka installed. */
export async function transactionClients(): Promise<readonly TransactionClient[]> {
  const newest = await pythonWith('confluent-kafka', '2.15.1');
  const python = (path: string) => async () => ({
    start: ({ bootstrap }: BrokerAddress) =>
      new Transactor([path, '-B', join(COMPAT, 'python/transactions.py'), bootstrap]),
    close: NOTHING_TO_CLOSE,
  });
  const node = (program: Program) => async () => ({
    start: ({ bootstrap }: BrokerAddress) =>
      new Transactor([process.execPath, ...programArguments(program), bootstrap]),
    close: NOTHING_TO_CLOSE,
  });
  return [
    {
      name: 'KafkaProducer 4.3.1',
      missing: javaMissing(),
      hasOffsets: true,
      fenced: /^(ProducerFenced|InvalidProducerEpoch)Exception$/,
      async prepare() {
        const artifacts = [`org.apache.kafka:kafka-clients:${KAFKA_TOOLS_VERSION}`];
        const program = await JavaProgram.compile(join(COMPAT, 'java/Transactions.java'), artifacts);
        return {
          start: ({ bootstrap }) => new Transactor(program.command([bootstrap])),
          close: () => program.close(),
        };
      },
    },
    {
      name: 'librdkafka 2.0.2 (python3-confluent-kafka)',
      missing: pythonHas(['confluent_kafka']) ? undefined : 'python3-confluent-kafka was not found',
      hasOffsets: true,
      fenced: LIBRDKAFKA_FENCED,
      prepare: python(PYTHON),
    },
    {
      name: 'librdkafka 2.15.1 (confluent-kafka)',
      missing: newest.kind === 'missing' ? newest.reason : undefined,
      hasOffsets: true,
      fenced: LIBRDKAFKA_FENCED,
      prepare: python(newest.kind === 'missing' ? PYTHON : newest.python),
    },
    {
      name: 'kafkajs 2.2.4',
      missing: undefined,
      hasOffsets: true,
      fenced: KAFKA_FENCED,
      prepare: node('test/support/kafkajs-transactor.ts'),
    },
    {
      name: '@platformatic/kafka 1.35.0',
      missing: undefined,
      hasOffsets: false,
      fenced: KAFKA_FENCED,
      prepare: node('test/support/platformatic-transactor.ts'),
    },
  ];
}

const KAFKA_FENCED = /^(PRODUCER_FENCED|INVALID_PRODUCER_EPOCH)$/;
const LIBRDKAFKA_FENCED = /^(_FENCED|PRODUCER_FENCED|INVALID_PRODUCER_EPOCH|_STATE)$/;
