/**
 * Where a journal's batches are stored: in its entries, or in WAL objects that the entries name.
 */
export type Tier = 'inline' | 'wal';

export interface TierLimits {
  /**
   * Larger flushes go to a WAL object. A journal whose rate x `lingerMs` stays above it changes to
   * the WAL tier; bytes.
   */
  readonly inlineMaxBytes: number;
  /** How long a flush of the WAL tier gathers batches; ms. */
  readonly lingerMs: number;
  /**
   * A journal with more write units (KB) per second leaves the inline tier: a partition of the
   * table takes 1,000.
   */
  readonly writeUnitsPerSecond: number;
  /**
   * A journal with more than `bytesPerSecond` has flushes of more than `bytes` in WAL objects. For a
   * store whose entries take space for long. Absent: no such bound.
   */
  readonly large?: { readonly bytes: number; readonly bytesPerSecond: number } | undefined;
  /**
   * Minimum bytes that must wait before the next flush begins while one is in flight. Default: 256
   * KiB.
   */
  readonly aheadBytes?: number | undefined;
}

/**
 * A partition of a DynamoDB table takes 1,000 write units per second. The rest is left for deletes
 * and retries.
 */
export const WRITE_UNITS_PER_SECOND_MAX = 700;

/**
 * A journal returns to the inline tier below this share of the bounds. The hysteresis prevents
 * flapping.
 */
const RETURN_SHARE = 0.5;

/** Averaging time of the rates; ms. */
const RATE_WINDOW_MS = 5_000;

/** Bytes and write units per second, averaged with exponential decay. */
export class RateMeter {
  #bytes = 0;
  #units = 0;
  #at = 0;

  add(bytes: number, now: number): void {
    this.#decay(now);
    this.#bytes += bytes;
    this.#units += Math.ceil(bytes / 1024);
  }

  perSecond(now: number): { bytes: number; units: number } {
    this.#decay(now);
    const factor = 1000 / RATE_WINDOW_MS;
    return { bytes: this.#bytes * factor, units: this.#units * factor };
  }

  #decay(now: number): void {
    const share = Math.exp(-Math.max(0, now - this.#at) / RATE_WINDOW_MS);
    this.#bytes *= share;
    this.#units *= share;
    this.#at = now;
  }
}

/** Whether a flush of the inline tier goes into an entry. Pure. */
export function fitsEntry(bytes: number, rate: { bytes: number }, { inlineMaxBytes, large }: TierLimits): boolean {
  return bytes <= (large !== undefined && rate.bytes > large.bytesPerSecond ? large.bytes : inlineMaxBytes);
}

/** The tier for a journal, from its current tier and its rates. Pure. */
export function nextTier(current: Tier, rate: { bytes: number; units: number }, limits: TierLimits): Tier {
  const perFlush = (rate.bytes * limits.lingerMs) / 1000;
  const share = current === 'wal' ? RETURN_SHARE : 1;
  const over = perFlush > limits.inlineMaxBytes * share || rate.units > limits.writeUnitsPerSecond * share;
  return over ? 'wal' : 'inline';
}
