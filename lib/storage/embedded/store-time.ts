import type { Clock } from '../../core/clock.ts';
import { MAX_SIGNATURE_AGE_MS, type PutOptions, type RefusedReason, type StoreTime } from '../ports.ts';

/** How long consistent reads may miss a write that was prepared; see WriteLock. */
export const RECOVERY_INTERVAL_MS = 60 * 1000;

/**
 * A write must become visible within MAX_SIGNATURE_AGE_MS or never, so it must be prepared that
 * much earlier.
 */
const MAX_AGE_IN_TRANSACTION_MS = MAX_SIGNATURE_AGE_MS - RECOVERY_INTERVAL_MS;

/**
 * The moment at which a write was asked for, by both clocks: a wall clock may be set back, a
 * monotonic one may sleep.
 */
export interface Signature {
  readonly at: StoreTime;
  readonly monotonic: number;
}

/** The embedded store's time: the machine's wall clock, never going back within the process. */
export class StoreTimer {
  readonly #clock: Clock;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): StoreTime {
    this.#latest = Math.max(this.#latest, Math.floor(this.#clock.now()));
    return this.#latest;
  }

  sign(): Signature {
    return { at: this.now(), monotonic: this.#clock.monotonic() };
  }

  /** What has passed since, ms: the longer of what the two clocks say. */
  ageOf(signature: Signature): number {
    return Math.max(this.now() - signature.at, this.#clock.monotonic() - signature.monotonic);
  }

  /**
   * Why a write with this signature may not be applied now. Call it while the store's write lock is
   * held: nothing can then happen between the answer and the write.
   */
  refusal(
    signature: Signature,
    options: PutOptions | undefined,
  ): { readonly reason: RefusedReason; readonly message: string } | undefined {
    if (options?.signBefore !== undefined && signature.at >= options.signBefore) {
      return { reason: 'stale', message: `signed at ${signature.at}, allowed before ${options.signBefore}` };
    }
    const ageMs = this.ageOf(signature);
    return ageMs > MAX_AGE_IN_TRANSACTION_MS ? { reason: 'expired', message: `signed ${ageMs} ms ago` } : undefined;
  }
}
