import { assert } from '../../lib/core/assert.ts';
import { afterMicrotasks, type Clock } from '../../lib/core/clock.ts';

/** More timers than any test or simulation step fires in one call; beyond it something re-arms itself for ever. */
const MAX_TIMERS_PER_RUN = 50_000_000;

interface Timer {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/**
 * A clock whose time moves only when it is told to. Timers fire in the order of their time, those of the same time in
 * the order in which they were set, and between two of them everything that was already able to run, runs: the same
 * program on it takes the same steps, always.
 *
 * Good for coroutines that wait for timers and for each other. What waits for the outside (files, sockets, the thread
 * pool) is not seen by it.
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #order = 0;
  #live = 0;
  readonly #heap: Timer[] = [];

  /** `startMs` is the wall time to begin with, ms since the Unix epoch. */
  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    assert(!Number.isNaN(delayMs), 'a timer needs a delay in ms');
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#push(timer);
    this.#live++;
    return () => {
      // Left in the heap and passed over later: taking it out would cost a search.
      if (timer.callback) this.#live--;
      timer.callback = undefined;
    };
  }

  /** Timers that are set and not yet fired or cancelled. */
  get pendingTimers(): number {
    return this.#live;
  }

  /** Moves time by `ms`, firing what falls due on the way, and lets everything run that can. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.#run((next) => next > until, undefined);
    this.#now = Math.max(this.#now, until);
    await settle();
  }

  /** Fires timers until none is left. A loop that waits for ever never ends: `maxMs` of virtual time bounds it. */
  async runUntilIdle(maxMs = Number.POSITIVE_INFINITY): Promise<void> {
    const until = this.#now + maxMs;
    await this.#run((next) => next > until, undefined);
  }

  /**
   * Fires timers until `predicate` holds (looked at whenever nothing more can run at the present time).
   * Returns whether it does: false when no timer is left or `maxMs` of virtual time have passed.
   */
  async runUntil(predicate: () => boolean, maxMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const until = this.#now + maxMs;
    await this.#run((next) => next > until, predicate);
    return predicate();
  }

  async #run(beyond: (next: number) => boolean, predicate: (() => boolean) | undefined): Promise<void> {
    await settle();
    for (let fired = 0; !predicate?.(); fired++) {
      assert(fired < MAX_TIMERS_PER_RUN, 'the virtual clock does not come to rest');
      const timer = this.#nextLive();
      if (timer === undefined || beyond(timer.at)) return;
      this.#pop();
      this.#now = Math.max(this.#now, timer.at);
      this.#live--;
      const callback = timer.callback!;
      timer.callback = undefined;
      callback();
      await settle();
    }
  }

  #nextLive(): Timer | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) this.#pop();
    return this.#heap[0];
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

/**
 * A process's own view of another clock: wrong by `offsetMs`, and stopped altogether while `stopped`. Its timers go
 * on firing by the clock below, as they do in a machine whose wall clock was set wrong.
 */
export class SkewedClock implements Clock {
  readonly #base: Clock;
  #offsetMs: number;
  #stoppedAt: { readonly now: number; readonly monotonic: number } | undefined;

  constructor(base: Clock, offsetMs = 0) {
    this.#base = base;
    this.#offsetMs = offsetMs;
  }

  now(): number {
    return this.#stoppedAt?.now ?? this.#base.now() + this.#offsetMs;
  }

  monotonic(): number {
    return this.#stoppedAt?.monotonic ?? this.#base.monotonic();
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    return this.#base.setTimer(delayMs, callback);
  }

  /** Sets how far the wall clock is ahead of the one below, ms; negative for behind. */
  setOffset(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  /** Both readings stand still from now on, as in a process that is frozen together with its clocks. */
  stop(): void {
    this.#stoppedAt ??= { now: this.now(), monotonic: this.monotonic() };
  }

  /** The readings jump to where they belong. */
  resume(): void {
    this.#stoppedAt = undefined;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Resolves when nothing more can run without a timer. To be called from a microtask (after any `await`). It does not
 * depend on how many `await`s a coroutine is deep, touches neither timers nor I/O, and costs well below a microsecond.
 */
function settled(): Promise<void> {
  return new Promise(afterMicrotasks);
}

/**
 * Ticks of one `settle`. Code that runs may wait for a tick itself, and what it starts for the next one: a writer waits for one
 * between two works (lib/journal/writer), an activity for one before it ends.
 */
const TICKS = 8;

/** As `settled`, from anywhere: the first tick leads out of synchronous code, where ticks go before microtasks. */
async function settle(): Promise<void> {
  for (let tick = 0; tick < TICKS; tick++) await settled();
}
