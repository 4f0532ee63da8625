import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { Report } from '../simulation/ledger.ts';
import type { LogLine } from '../support/broker-process.ts';
import { withoutSettings } from '../support/environment.ts';
import { freePort } from '../support/free-ports.ts';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** A process on a busy machine takes a while; beyond this it does not come up. */
const START_TIMEOUT_MS = scaled(30_000);

export interface GatewayOptions {
  readonly name: string;
  /** Its flags beside the addresses, and its environment. */
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly report: Report;
  /** Whether connections to its store were broken a moment ago. It may log then that the store fails. */
  readonly isStoreCut?: () => boolean;
}

export type GatewayState = 'down' | 'starting' | 'up' | 'frozen';

/** A `tidelog dev` in a process of its own, always on the same port, reached through a proxy that it advertises. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #port: number;
  readonly proxy: TcpProxy;
  #child: ChildProcess | undefined;
  #isKilled = false;
  state: GatewayState = 'down';
  /** Ms from starting the process to its being ready, of each start. */
  readonly startMs: number[] = [];

  private constructor(options: GatewayOptions, port: number, proxy: TcpProxy) {
    this.#options = options;
    this.#port = port;
    this.proxy = proxy;
  }

  /** Prepares a gateway; `start` runs it. */
  static async prepare(options: GatewayOptions): Promise<Gateway> {
    const port = await freePort();
    return new Gateway(options, port, await TcpProxy.start({ target: port }));
  }

  get name(): string {
    return this.#options.name;
  }

  /** Where clients find it. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.proxy.port };
  }

  /** Runs the process and waits until it is ready; returns early if it was killed meanwhile. */
  async start(): Promise<void> {
    const { flags, environment, name } = this.#options;
    const own = [
      ...['--listeners', `PLAINTEXT://127.0.0.1:${this.#port}`],
      ...['--advertised-listeners', `PLAINTEXT://127.0.0.1:${this.proxy.port}`],
      ...['--auto-create-topics-enable', 'false'],
    ];
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...programArguments('lib/cli/main.ts'), 'dev', ...own, ...flags], {
      env: { ...withoutSettings(process.env), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#isKilled = false;
    this.state = 'starting';
    const last: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => this.#logged(line, last));
    const end = () => child.kill('SIGKILL');
    process.on('exit', end);
    const exited = once(child, 'exit').then(([code, signal]) => {
      process.off('exit', end);
      this.state = 'down';
      if (!this.#isKilled) this.#options.report('exception', `${name} ended (${code ?? signal}): ${last.join('\n')}`);
    });
    const ready = (async () => {
      for await (const line of createInterface({ input: child.stdout })) if (line.includes(' is ready')) return;
    })();
    const inTime = await Promise.race([ready, exited, wait(START_TIMEOUT_MS, 'late' as const, { ref: false })]);
    if (inTime === 'late') this.#options.report('stuck', `${name} did not start within ${START_TIMEOUT_MS / 1000} s`);
    if (this.state !== 'starting') return;
    this.state = 'up';
    this.startMs.push(performance.now() - startedAt);
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.state === 'down') return;
    this.#isKilled = true;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    this.state = 'down';
  }

  /** Asks it to end, as a deployment does, and waits until it has; false if it did not end in order. */
  async stop(): Promise<boolean> {
    const child = this.#child;
    if (child === undefined || this.state !== 'up') return true;
    this.#isKilled = true;
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    this.state = 'down';
    return child.exitCode === 0;
  }

  /** Lets it stand still, as a virtual machine that is paused does. */
  freeze(): void {
    if (this.state !== 'up') return;
    this.#child?.kill('SIGSTOP');
    this.state = 'frozen';
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    this.#child?.kill('SIGCONT');
    this.state = 'up';
  }

  async close(): Promise<void> {
    await this.kill();
    await this.proxy.close();
  }

  #logged(line: string, last: string[]): void {
    last.push(line);
    if (last.length > 20) last.shift();
    let told: LogLine;
    try {
      told = JSON.parse(line) as LogLine;
    } catch {
      return;
    }
    const isExpected = told.event === 'store_failing' && this.#options.isStoreCut?.() === true;
    if (told.level === 'error' && !isExpected) this.#options.report('engineError', `${this.name}: ${line}`);
  }
}
