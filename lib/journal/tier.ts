/** Where a journal's bytes go: into its entries, or into WAL objects that its entries name. */
export type Tier = 'inline' | 'wal';

export interface TierLimits {
  /** A flush of more bytes goes to a WAL object; and so does a journal whose bytes/s x `lingerMs` stay above. */
  readonly inlineMaxBytes: number;
  /** How long a flush in WAL mode gathers; ms. */
  readonly lingerMs: number;
  /** Above so many write units (KB) a second a journal leaves the inline tier: a partition of the table takes 1,000. */
  readonly writeUnitsPerSecond: number;
}

/** DynamoDB takes 1,000 write units a second per partition of a table; the rest is left for deletes and retries. */
export const WRITE_UNITS_PER_SECOND_MAX = 700;

/** A journal goes back to the inline tier once it is below this share of the bound, so that it does not flap. */
const RETURN_SHARE = 0.5;

/** Rates are averaged over about this long; ms. */
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

/** The tier a journal should be in, from the one it is in and its rates. Pure. */
export function nextTier(current: Tier, rate: { bytes: number; units: number }, limits: TierLimits): Tier {
  const perFlush = (rate.bytes * limits.lingerMs) / 1000;
  const share = current === 'wal' ? RETURN_SHARE : 1;
  const over = perFlush > limits.inlineMaxBytes * share || rate.units > limits.writeUnitsPerSecond * share;
  return over ? 'wal' : 'inline';
}
