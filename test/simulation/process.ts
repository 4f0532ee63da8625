import type { Clock } from '../../lib/core/clock.ts';

/**
 * One simulated process: it runs, stands still (a function instance between two invocations, a paused machine) or is gone.
 * Its timers, the answers of its stores and the requests that reach it all pass through here, so that nothing of it has an
 * effect while it stands still, and nothing ever again once it is gone.
 */
export class Process {
  readonly name: string;
  readonly clock: ProcessClock;
  #state: 'up' | 'frozen' | 'down' = 'up';
  #held: (() => void)[] = [];
  /** Whether its clocks stood still at some time without its knowing. */
  hasLagged = false;

  constructor(name: string, base: Clock, skewMs: number) {
    this.name = name;
    this.clock = new ProcessClock(base, this, skewMs);
  }

  get state(): 'up' | 'frozen' | 'down' {
    return this.#state;
  }

  /** Runs `callback` now, after the thaw, or never. */
  run(callback: () => void): void {
    if (this.#state === 'up') callback();
    else if (this.#state === 'frozen') this.#held.push(callback);
  }

  /** Resolves when the process can go on: at once, after the thaw, or never. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  freeze(): void {
    if (this.#state !== 'up') return;
    this.#state = 'frozen';
    this.clock.stop();
  }

  /** Goes on. `lagging`: its clocks stood still meanwhile and do not know it; else they jump. */
  thaw(lagging: boolean): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'up';
    this.clock.resume(lagging);
    this.hasLagged ||= lagging;
    const held = this.#held;
    this.#held = [];
    for (const callback of held) this.run(callback);
  }

  crash(): void {
    this.#state = 'down';
    this.#held = [];
  }
}

/** A process's own clocks: the wall clock is wrong by `skewMs`, and both may have lost the time of a freeze. */
export class ProcessClock implements Clock {
  readonly #base: Clock;
  readonly #process: Process;
  readonly #skewMs: number;
  #lostMs = 0;
  #stoppedAt: number | undefined;

  constructor(base: Clock, process: Process, skewMs: number) {
    this.#base = base;
    this.#process = process;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#base.now() + this.#skewMs - this.#missing();
  }

  monotonic(): number {
    return this.#base.monotonic() - this.#missing();
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    let live = true;
    const cancel = this.#base.setTimer(delayMs, () =>
      this.#process.run(() => {
        if (live) callback();
      }),
    );
    return () => {
      live = false;
      cancel();
    };
  }

  stop(): void {
    this.#stoppedAt = this.#base.monotonic();
  }

  resume(lagging: boolean): void {
    if (lagging) this.#lostMs = this.#missing();
    this.#stoppedAt = undefined;
  }

  #missing(): number {
    return this.#lostMs + (this.#stoppedAt === undefined ? 0 : this.#base.monotonic() - this.#stoppedAt);
  }
}
