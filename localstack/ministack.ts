import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EndpointError } from './endpoint-error.ts';
import { untilHealthy } from './health.ts';
import { freePort, LOOPBACK } from './ports.ts';
import { pythonWithMinistack } from './python.ts';
import { lastLines, runProgram } from './run-program.ts';

/** Allows for Python, 80 services and a busy machine; measured 1 s on an idle one. */
const START_MS_MAX = 60_000;

/** Includes the time in which its functions end. */
const STOP_MS_MAX = 5_000;
const POLL_MS = 50;

/** Each instance's own folder: log, temporary files, and the process id. */
const RUN_PREFIX = 'run-';
const PID_FILE = 'pid';

/** A running MiniStack; plain data, so that another process can stop it. */
export interface Ministack {
  readonly url: string;
  readonly pid: number;
  /** Its log and its temporary files. */
  readonly folder: string;
}

/**
 * Runs MiniStack. With TIDELOG_END_WITH_STDIN=1 it ends when stdin is closed, which is when the
 * parent process ends for any reason. `main` reads the command line.
 */
const LAUNCHER = `
import os, signal, sys, threading
def watch():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
if os.environ.get("TIDELOG_END_WITH_STDIN") == "1":
    threading.Thread(target=watch, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main
main()
`;

export interface MinistackOptions {
  readonly python: string;
  /** The folder of the virtual environment and of MiniStack's files. */
  readonly folder: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Whether it keeps running after this process. */
  readonly outlives: boolean;
}

/**
 * Starts an empty MiniStack on the loopback interface and waits until it answers. Throws
 * EndpointError.
 */
export async function startMinistack({ python, folder, port: wanted, outlives }: MinistackOptions): Promise<Ministack> {
  const port = await freePort(wanted);
  const interpreter = await pythonWithMinistack(python, folder);
  await removeLeftovers(folder);
  const runFolder = mkdtempSync(join(folder, RUN_PREFIX));
  const logFile = join(runFolder, 'log');
  const log = openSync(logFile, 'a');
  const child = spawn(interpreter, ['-c', LAUNCHER], {
    env: environmentOf(port, runFolder, outlives),
    stdio: [outlives ? 'ignore' : 'pipe', log, log],
    // Its own process group: Ctrl-C in the terminal goes to the test runner only, which then stops
    // MiniStack.
    detached: true,
  });
  closeSync(log);
  writeFileSync(join(runFolder, PID_FILE), String(child.pid));
  const ministack = { url: `http://${LOOPBACK}:${port}`, pid: child.pid!, folder: runFolder };
  const health = await untilHealthy(ministack.url, START_MS_MAX, () => child.exitCode !== null);
  if (health === undefined) {
    const said = lastLines(readFileSync(logFile, 'utf8'));
    await stopMinistack(ministack);
    throw new EndpointError(`MiniStack did not start (exit code ${child.exitCode}): ${said}`);
  }
  letGo(child);
  return ministack;
}

/** Lets this process end before the child does. */
function letGo(child: ChildProcess): void {
  child.unref();
  (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
}

function environmentOf(port: number, runFolder: string, outlives: boolean): NodeJS.ProcessEnv {
  const temporary = join(runFolder, 'tmp');
  mkdirSync(temporary);
  // Functions inherit the environment, so settings of this process are removed.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(AWS_|TIDELOG_|NODE_OPTIONS|VITEST)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    // Functions run on the same Node as this process.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
    BIND_HOST: LOOPBACK,
    GATEWAY_PORT: String(port),
    TMPDIR: temporary,
    TIDELOG_END_WITH_STDIN: outlives ? '0' : '1',
  };
}

/** Removes the folders of instances that ended without stopMinistack, with their parent process. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith(RUN_PREFIX))) {
    const pidFile = join(folder, name, PID_FILE);
    // Without a pid file the instance is just starting.
    if (!existsSync(pidFile) || (await isMinistack(Number(readFileSync(pidFile, 'utf8'))))) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Ends MiniStack and its functions. Does nothing if it has already ended. */
export async function stopMinistack({ pid, folder }: Ministack): Promise<void> {
  if (await isMinistack(pid)) {
    process.kill(pid, 'SIGTERM');
    for (const since = performance.now(); (await isMinistack(pid)) && performance.now() - since < STOP_MS_MAX; ) {
      await wait(POLL_MS);
    }
    endGroup(pid);
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Whether the process exists and is a MiniStack: the system may have reused the id. */
export async function isMinistack(pid: number): Promise<boolean> {
  const { code, output } = await runProgram('ps', ['-o', 'stat=,args=', '-p', String(pid)]);
  if (code === undefined) return isThere(pid);
  return !output.trimStart().startsWith('Z') && output.includes('ministack');
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends the remaining processes of a group: functions that hang. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All have already ended.
  }
}
