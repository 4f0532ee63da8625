import type { Clock } from '../../core/clock.ts';
import { answerWithin } from '../../kit/deadline.ts';
import { StoreUnavailableError } from '../ports.ts';
import { RECOVERY_INTERVAL_MS, type Signature, type StoreTimer } from './store-time.ts';

/** As long as a put waits for the lock; see DEFAULT_PUT_TIMEOUT_MS. */
const ACQUIRE_TIMEOUT_MS = 30_000;

/**
 * Keeps consistent reads from missing a write that is in doubt. LMDB has two such states: a writer
 * that was killed after its meta page was on disk and before it was published (the next writer of
 * any process publishes it, however much later), and a writer that is stopped inside its commit.
 * Taking the write lock resolves the first and waits for the second. So it is taken before a
 * consistent read when this process has not held it for a while.
 */
export class WriteLock {
  readonly #clock: Clock;
  readonly #timer: StoreTimer;
  readonly #acquire: () => Promise<unknown>;
  #heldAt: Signature;
  #acquiring: Promise<boolean> | undefined;

  /**
   * `acquire` begins and ends a write transaction that writes nothing. Opening the store has just
   * held the lock.
   */
  constructor(clock: Clock, timer: StoreTimer, acquire: () => Promise<unknown>) {
    this.#clock = clock;
    this.#timer = timer;
    this.#acquire = acquire;
    this.#heldAt = timer.sign();
  }

  /** Call inside every write transaction. */
  held(): void {
    this.#heldAt = this.#timer.sign();
  }

  /**
   * Resolves when a read will see every write older than MAX_SIGNATURE_AGE_MS. Throws
   * StoreUnavailableError.
   */
  async beforeConsistentRead(): Promise<void> {
    if (this.#timer.ageOf(this.#heldAt) < RECOVERY_INTERVAL_MS) return;
    this.#acquiring ??= this.#take();
    if (!(await this.#acquiring)) throw new StoreUnavailableError('another process holds the write lock');
  }

  async #take(): Promise<boolean> {
    try {
      const taken = this.#acquire().then(
        () => true,
        () => false,
      );
      return await answerWithin(this.#clock, ACQUIRE_TIMEOUT_MS, taken, () => false);
    } finally {
      this.#acquiring = undefined;
    }
  }
}
