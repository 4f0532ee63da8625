import type { Journal } from './journal.ts';

/** The interval between polls is the time since the last entry of another process divided by this. */
const AGE_DIVISOR = 20;

/**
 * Polls a journal for the readers that wait at its end: one poll for all of them, less often the
 * longer no entry of another process comes, none without readers. Appends of this process wake the
 * readers at once. Others may answer what they say, so that polls come closer after one, and double
 * their distance from then on.
 */
export class Tail {
  readonly #journal: Journal;
  readonly #waiting = new Set<() => void>();
  #cancelTimer: (() => void) | undefined;
  #polling = false;

  constructor(journal: Journal) {
    this.#journal = journal;
    journal.onAdvance(() => {
      for (const wake of [...this.#waiting]) wake();
      // The timer was set for a longer silence; this entry ended it.
      if (this.#cancelTimer === undefined) return;
      this.#endTimer();
      this.#schedule();
    });
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Calls `wake` after each change of the view, until the returned function is called. */
  watch(wake: () => void): () => void {
    // The same function may be passed for several readers.
    const listener = () => wake();
    this.#waiting.add(listener);
    this.#schedule();
    return () => {
      this.#waiting.delete(listener);
      if (this.#waiting.size === 0) this.#endTimer();
    };
  }

  #endTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    if (this.#polling || this.#cancelTimer !== undefined || this.#waiting.size === 0) return;
    const { stores, clock, pacing } = this.#journal.env;
    const { view, othersTime } = this.#journal;
    const now = stores.journal.now();
    const wanted = Math.min((now - othersTime) / AGE_DIVISOR, now - view.time);
    const delay = Math.min(Math.max(wanted, pacing.minMs), pacing.maxMs);
    this.#cancelTimer = clock.setTimer(delay, () => {
      this.#cancelTimer = undefined;
      void this.#poll();
    });
  }

  async #poll(): Promise<void> {
    this.#polling = true;
    const { observer, stores } = this.#journal.env;
    const before = this.#journal.view.seq;
    try {
      await this.#journal.catchUp(false);
      const { seq, time } = this.#journal.view;
      observer?.polled(seq > before ? Math.max(0, stores.journal.now() - time) : undefined);
    } catch (error) {
      observer?.pollFailed();
      const { logger } = this.#journal.env;
      logger.log('warn', { event: 'tail_poll_failed', journal: this.#journal.id, message: String(error) });
    }
    this.#polling = false;
    this.#schedule();
  }
}
