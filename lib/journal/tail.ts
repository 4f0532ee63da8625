import type { Journal } from './journal.ts';

/** How often a waiting reader looks, as a share of the silence since the last entry. */
const AGE_DIVISOR = 20;

/**
 * Watches a journal for those who wait at its end: one poll for all of them, more seldom the longer nothing came, none while
 * nobody waits. What this process appends itself wakes them at once.
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
      // The silence that the next look was to wait for has ended.
      if (this.#cancelTimer === undefined) return;
      this.#endTimer();
      this.#schedule();
    });
  }

  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Calls `wake` whenever entries were folded into the view, until the returned function is called. */
  watch(wake: () => void): () => void {
    // One function may watch for several readers at once.
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
    const age = stores.journal.now() - this.#journal.view.time;
    const delay = Math.min(Math.max(age / AGE_DIVISOR, pacing.minMs), pacing.maxMs);
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
