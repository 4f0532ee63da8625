import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'esbuild';

export type StoreKind = 'embedded' | 'drop';

export type BrokerRequest = 'report' | 'stop';

/** What a broker process tells; flushes since the last report. */
export interface BrokerReport {
  readonly port: number;
  /** User and system time of the process since its start. */
  readonly cpuMs: number;
  /** Bytes of each write of record data, in order. */
  readonly flushes: readonly number[];
  readonly walEntries: number;
}

const SAMPLE_INTERVAL_MS = 50;

/** Below the project, so that packages are found; ignored by git. */
const PROGRAM = resolve(import.meta.dirname, '../../node_modules/.cache/tidelog-bench/broker-process.mjs');

let built: Promise<unknown> | undefined;

/** Users run compiled code, and so does the benchmark: tsx wraps every function that it compiles. */
function buildProgram(): Promise<unknown> {
  built ??= build({
    entryPoints: [resolve(import.meta.dirname, 'broker-process.ts')],
    outfile: PROGRAM,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  return built;
}

/** A broker in a process of its own. */
export class BrokerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #rssAnonMax = 0;
  readonly #sampling: NodeJS.Timeout;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS);
  }

  /** Starts one; `nodeFlags` go to Node, for example --cpu-prof, and `settings` to the broker. */
  static async start(
    kind: StoreKind,
    dataDir: string,
    nodeFlags: readonly string[] = [],
    settings: Readonly<Record<string, string>> = {},
  ): Promise<BrokerProcess> {
    await buildProgram();
    const child = fork(PROGRAM, [kind, dataDir, JSON.stringify(settings)], { execArgv: [...nodeFlags] });
    const exited = once(child, 'exit').then(([code]) => {
      throw new Error(`the broker ended with ${code} before it was ready`);
    });
    await Promise.race([once(child, 'message'), exited]);
    exited.catch(() => {});
    const { port } = await ask(child);
    return new BrokerProcess(child, port);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The largest RssAnon seen since the start; bytes. */
  get rssAnonMax(): number {
    this.#sample();
    return this.#rssAnonMax;
  }

  report(): Promise<BrokerReport> {
    return ask(this.#child);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sampling);
    const exited = once(this.#child, 'exit');
    this.#child.send('stop' satisfies BrokerRequest);
    await exited;
  }

  /** Anonymous memory only: what LMDB maps is the page cache's. */
  #sample(): void {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kib = Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]);
    this.#rssAnonMax = Math.max(this.#rssAnonMax, kib * 1024);
  }
}

async function ask(child: ChildProcess): Promise<BrokerReport> {
  const answered = once(child, 'message');
  child.send('report' satisfies BrokerRequest);
  const [report] = await answered;
  return report as BrokerReport;
}
