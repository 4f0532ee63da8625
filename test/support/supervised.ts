import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { withoutSettings } from './environment.ts';

/** Between the end of a program and its next start; ms. */
const RESTART_MS = 500;

/** A program that is started again whenever it has ended, as a service is. */
export class Supervised {
  readonly #command: readonly [string, ...string[]];
  #child: ChildProcess | undefined;
  #isWanted = true;
  #ended: Promise<void>;
  #said = '';
  kills = 0;
  /** How often it ended by itself. */
  ends = 0;

  constructor(command: readonly [string, ...string[]]) {
    this.#command = command;
    this.#ended = this.#keepUp();
  }

  /** The end of what it has printed so far. */
  get said(): string {
    return this.#said.slice(-4_000);
  }

  /** kill -9; it starts again after `downMs`. */
  async kill(downMs: number): Promise<void> {
    this.#isWanted = false;
    this.kills++;
    this.#child?.kill('SIGKILL');
    await this.#ended;
    await wait(downMs);
    this.#isWanted = true;
    this.#ended = this.#keepUp();
  }

  async close(): Promise<void> {
    this.#isWanted = false;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async #keepUp(): Promise<void> {
    while (this.#isWanted) {
      const [program, ...args] = this.#command;
      const child = spawn(program, args, { env: withoutSettings(process.env), stdio: ['ignore', 'pipe', 'pipe'] });
      this.#child = child;
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          this.#said += text;
        });
      }
      await once(child, 'close');
      if (!this.#isWanted) return;
      this.ends++;
      await wait(RESTART_MS);
    }
  }
}
