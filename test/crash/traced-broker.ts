import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 60_000;

const CALLS = [
  ...['openat', 'read', 'readv', 'recvfrom', 'recvmsg', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
  ...['sendto', 'sendmsg', 'fdatasync', 'fsync', 'rename', 'renameat', 'renameat2'],
];

/** Why brokers cannot be traced here; undefined if they can. */
export function whyNoTrace(): string | undefined {
  if (process.platform !== 'linux') return 'strace is for Linux';
  const tried = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
  if (tried.error !== undefined) return 'strace is not installed';
  return tried.status === 0 ? undefined : `strace may not trace here: ${tried.stderr.toString().trim()}`;
}

/** A `tidelog dev` under strace. */
export interface TracedBroker {
  readonly host: string;
  readonly port: number;
  /** Ends it in order and gives the trace of its whole life. */
  stop(): Promise<string>;
  /** Ends it at once, if it still runs. */
  kill(): void;
}

/** Starts one over the data folder `directory`/data. */
export async function startTracedBroker(directory: string): Promise<TracedBroker> {
  const trace = join(directory, 'trace');
  const straceArgs = ['-f', '-ttt', '-T', '-yy', '-s', '0', '-e', `trace=${CALLS.join(',')}`, '-o', trace];
  const command = [...programArguments('lib/cli/main.ts'), 'dev', '--data-dir', join(directory, 'data')];
  const child = spawn(
    'strace',
    [...straceArgs, process.execPath, ...command, '--listeners', 'PLAINTEXT://127.0.0.1:0'],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const exited = once(child, 'exit');
  const port = await portOf(child, trace);
  return {
    host: '127.0.0.1',
    port,
    async stop() {
      process.kill(traceePid(trace), 'SIGTERM');
      await exited;
      return readFileSync(trace, 'utf8');
    },
    kill() {
      if (child.exitCode === null && child.signalCode === null) process.kill(traceePid(trace), 'SIGKILL');
    },
  };
}

/** The first line of the trace is of the broker's main thread; strace itself dies by nothing but its tracee's end. */
function traceePid(trace: string): number {
  return Number.parseInt(readFileSync(trace, 'utf8'), 10);
}

async function portOf(child: ChildProcess, trace: string): Promise<number> {
  let out = '';
  child.stdout!.on('data', (chunk) => {
    out += chunk;
  });
  const giveUpAt = performance.now() + scaled(START_TIMEOUT_MS);
  for (;;) {
    const port = /Kafka +127\.0\.0\.1:(\d+)\n/.exec(out)?.[1];
    if (port !== undefined) return Number(port);
    if (child.exitCode !== null) throw new Error(`the broker ended under strace: ${out}`);
    if (performance.now() > giveUpAt) {
      process.kill(traceePid(trace), 'SIGKILL');
      throw new Error(`the broker did not start under strace: ${out}`);
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
