import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fetchArtifacts, mavenMissing } from './maven.ts';

/** Says nothing below an error, and that on stderr. */
const QUIET_LOG = ['org.slf4j:slf4j-simple:1.7.36'];
/** These programs run for seconds, for which the second compiler is not worth its time. */
const JAVA_FLAGS = ['-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];

/** Why Java programs cannot be compiled and run here, or undefined if they can. */
export function javaMissing(): string | undefined {
  return mavenMissing() ?? (spawnSync('javac', ['-version']).status === 0 ? undefined : 'javac was not found');
}

/** A class with a `main`. */
export class JavaProgram {
  readonly #main: string;
  readonly #classPath: string;
  readonly #folder: string | undefined;
  readonly #running = new Set<RunningJava>();

  private constructor(main: string, jars: string, folder?: string) {
    this.#main = main;
    this.#classPath = [join(jars, '*'), ...(folder === undefined ? [] : [folder])].join(':');
    this.#folder = folder;
  }

  /** The class `main` of `artifacts` (`group:artifact:version`). */
  static async of(main: string, artifacts: readonly string[]): Promise<JavaProgram> {
    return new JavaProgram(main, await fetchArtifacts([...artifacts, ...QUIET_LOG]));
  }

  /** Compiles the class in the file at `source` against `artifacts`. Throws what javac says. */
  static async compile(source: string, artifacts: readonly string[]): Promise<JavaProgram> {
    const jars = await fetchArtifacts([...artifacts, ...QUIET_LOG]);
    const folder = mkdtempSync(join(tmpdir(), 'tidelog-java-'));
    const compiled = spawnSync('javac', ['-d', folder, '-cp', join(jars, '*'), source], { encoding: 'utf8' });
    if (compiled.status !== 0) throw new Error(`javac: ${compiled.stdout}${compiled.stderr}${compiled.error ?? ''}`);
    return new JavaProgram(basename(source, '.java'), jars, folder);
  }

  /** What starts it, for who does that. */
  command(args: readonly string[]): readonly [string, ...string[]] {
    return ['java', ...JAVA_FLAGS, '-cp', this.#classPath, this.#main, ...args];
  }

  /** Starts it. */
  start(args: readonly string[]): RunningJava {
    const [java, ...words] = this.command(args);
    const child = spawn(java, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      err += chunk;
    });
    const ended = once(child, 'close').then(() => {});
    const running: RunningJava = {
      get out() {
        return out;
      },
      get err() {
        return err;
      },
      get isRunning() {
        return child.exitCode === null && child.signalCode === null;
      },
      kill(signal = 'SIGKILL') {
        child.kill(signal);
        return ended;
      },
      ended,
    };
    this.#running.add(running);
    void ended.finally(() => this.#running.delete(running));
    return running;
  }

  /** Runs it to its end; what it has printed. */
  async run(args: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
    const running = this.start(args);
    await running.ended;
    return { out: running.out, err: running.err };
  }

  /** Ends what still runs and removes the class. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((one) => one.kill()));
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A Java program that was started. */
export interface RunningJava {
  /** What it has printed so far. */
  readonly out: string;
  readonly err: string;
  readonly isRunning: boolean;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  /** Ends it (SIGKILL unless told otherwise) and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}
