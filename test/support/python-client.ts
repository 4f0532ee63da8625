import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BrokerProcess } from './broker-process.ts';
import type { ReadRecord, SentRecord, WriteOptions, WritingClient } from './client-suite.ts';

/** Debian's own, which is the one that sees Debian's packages. */
export const PYTHON = '/usr/bin/python3';
const SCRIPTS = fileURLToPath(new URL('../compat/python/', import.meta.url));

/** Whether Python has all of these modules. */
export function pythonHas(modules: readonly string[]): boolean {
  return spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`]).status === 0;
}

/** An error as the Python client raised it: its class, and Kafka's error code where it has one. */
export class PythonError extends Error {
  readonly code: number | null;

  constructor(name: string, code: number | null, message: string) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

type Outcome =
  | { readonly ok: unknown }
  | { readonly error: string; readonly code: number | null; readonly message: string };

/** A script of test/compat/python as the suite drives it; each command is a process of its own. */
export class PythonClient implements WritingClient {
  readonly #script: string;
  readonly #broker: BrokerProcess;

  constructor(script: string, broker: BrokerProcess) {
    this.#script = script;
    this.#broker = broker;
  }

  /** Runs one command of the script. Throws a PythonError for what the client raised. */
  async ask<Answer = unknown>(command: string, fields: object = {}): Promise<Answer> {
    const child = spawn(PYTHON, ['-B', this.#script], { cwd: SCRIPTS, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let complaints = '';
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    child.stdin.end(JSON.stringify({ command, bootstrap: this.#broker.bootstrap, ...fields }));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${this.#script} ${command} ended with ${code}: ${complaints}`);
    const outcome = JSON.parse(Buffer.concat(out).toString()) as Outcome;
    if ('error' in outcome) throw new PythonError(outcome.error, outcome.code, outcome.message);
    return outcome.ok as Answer;
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    await this.ask('createTopic', { topic, partitions });
  }

  async write(topic: string, records: readonly SentRecord[], options: WriteOptions): Promise<void> {
    await this.ask('write', { topic, records, ...options });
  }

  read(topic: string, from: ReadonlyMap<number, number> = new Map()): Promise<ReadRecord[]> {
    return this.ask('read', { topic, from: Object.fromEntries(from) });
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const found = await this.ask<Record<string, number>>('offsetsAt', { topic, timestamp });
    return new Map(Object.entries(found).map(([partition, offset]) => [Number(partition), offset]));
  }
}
