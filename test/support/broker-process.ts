import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { withoutSettings } from './environment.ts';
import { programArguments } from './programs.ts';
import { until } from './waiting.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Compiling on a busy machine takes a while; beyond this it does not come up. */
const START_TIMEOUT_MS = 45_000;

/** What clients need of a broker. */
export interface BrokerAddress {
  /** 'host:port', as clients take it. */
  readonly bootstrap: string;
}

/** A `tidelog dev` in a process of its own, on a free port. */
export interface BrokerProcess extends BrokerAddress {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  /** What it has written beside that: nothing, if all is well. */
  readonly unreadable: readonly string[];
  readonly running: boolean;
  /** Resident memory, bytes; NaN where the system does not tell. */
  residentBytes(): number;
  /** Ends it in order; the exit code. */
  stop(): Promise<number | null>;
  /** Ends it without a chance to do anything. */
  kill(): Promise<void>;
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** An empty folder that goes when `remove` is called. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tidelog-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a broker over a data folder and waits until it takes connections. */
export function startBrokerProcess(
  dataDir: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<BrokerProcess> {
  return startProcess(['dev', '--data-dir', dataDir, ...flags], environment);
}

/** The same under limits of the system: commands of a shell that is then replaced by the broker. */
export function startLimitedBroker(limits: string, dataDir: string, flags: readonly string[]): Promise<BrokerProcess> {
  return startProcess(['dev', '--data-dir', dataDir, ...flags], {}, limits);
}

/** Starts `tidelog gateway` with these flags and waits until it takes connections. */
export function startGatewayProcess(
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<BrokerProcess> {
  return startProcess(['gateway', ...flags], environment);
}

async function startProcess(
  [name, ...flags]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
  limits?: string,
): Promise<BrokerProcess> {
  const anyPort = ['--listeners', 'PLAINTEXT://127.0.0.1:0'];
  const command = [...programArguments('lib/cli/main.ts'), name, ...anyPort, ...flags];
  const limited = ['-c', `${limits}; exec "$0" "$@"`, process.execPath, ...command];
  const child = spawn(limits === undefined ? process.execPath : 'sh', limits === undefined ? command : limited, {
    cwd: ROOT,
    env: { ...withoutSettings(process.env), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const exited = once(child, 'exit').finally(() => process.off('exit', kill)) as Promise<[number | null]>;
  const log: LogLine[] = [];
  const unreadable: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    try {
      log.push(JSON.parse(line) as LogLine);
    } catch {
      unreadable.push(line);
    }
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const address = () => /Kafka +([^:\s]+):(\d+)\n/.exec(out);
  const hasSettled = () => address() !== null || child.exitCode !== null;
  await until(hasSettled, 'the broker', { withinMs: START_TIMEOUT_MS }).catch(() => {});
  const found = child.exitCode === null ? address() : null;
  if (found === null) {
    kill();
    throw new Error(`the broker did not start: ${out}\n${unreadable.join('\n')}\n${JSON.stringify(log)}`);
  }
  const [, host, port] = found;
  const pid = child.pid!;
  return {
    pid,
    host: host!,
    port: Number(port),
    bootstrap: `${host}:${port}`,
    log,
    unreadable,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    residentBytes: () => residentBytes(pid),
    async stop() {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
    async kill() {
      kill();
      await exited;
    },
  };
}

function residentBytes(pid: number): number {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return Number.NaN;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))?.[1]) * 1024;
}
