import { type Random, randomInt } from '../../lib/core/random.ts';
import type { Fault, FaultPlan, StoreCall } from '../../lib/storage/memory/faults.ts';

/** What can go wrong between a process and its stores. */
export const STORE_TROUBLES = [
  'throttled',
  'unavailable',
  'lostAnswer',
  'landsLater',
  'outage',
  'slowThere',
  'slowPart',
  'slowEntry',
  'slowDecision',
  'slowBack',
  'staleRead',
  'shortPage',
] as const;

/** What can go wrong with processes and connections. */
export const WORLD_TROUBLES = [
  'crash',
  'freeze',
  'restart',
  'twin',
  'skew',
  'storm',
  'dropBefore',
  'dropAfter',
  'duplicate',
] as const;

export type Trouble = (typeof STORE_TROUBLES)[number] | (typeof WORLD_TROUBLES)[number];

/** Probabilities per store call, request or (crash, freeze, restart, twin, storm) per second. Left out: 0. */
export type Rates = { readonly [kind in Trouble]?: number };

export interface TroubleTimes {
  /**
   * How long `slowThere`, `slowPart` (puts of leases and offsets), `slowEntry` (puts of entries), `slowDecision` (answers to puts
   * of coordinator items) and `slowBack` hold a call up, at most; ms.
   */
  readonly slowMs: number;
  /** How late `landsLater` lands, at most; ms. Beyond 15 minutes the signature is too old. */
  readonly landMs: number;
  /** How long the store is out of reach after an `outage`, which may follow a `landsLater`; ms. */
  readonly outageMs: readonly [low: number, high: number];
  /** How far `staleRead` lags behind, at most; ms. */
  readonly staleMs: number;
}

/** In a storm everything is this much likelier. */
const STORM_FACTOR = 12;

/** Draws what goes wrong; counts it. */
export class Troubles {
  /** False outside of the troubled stretches of a run. */
  on = false;
  readonly counts = new Map<Trouble, number>();
  readonly storms = new Set<string>();
  /** Processes without a way to their stores, and until when. */
  readonly #outages = new Map<string, number>();
  readonly #now: () => number;
  readonly #random: Random;
  readonly #rates: Rates;
  readonly #times: TroubleTimes;

  constructor(random: Random, now: () => number, rates: Rates, times: TroubleTimes, without: ReadonlySet<string>) {
    this.#now = now;
    this.#random = random;
    this.#rates = Object.fromEntries(Object.entries(rates).filter(([kind]) => !without.has(kind)));
    this.#times = times;
  }

  get total(): number {
    let total = 0;
    for (const count of this.counts.values()) total += count;
    return total;
  }

  /** Whether this kind strikes now. */
  strikes(kind: Trouble, factor = 1): boolean {
    const rate = this.#rates[kind];
    if (!this.on || rate === undefined || this.#random.next() >= rate * factor) return false;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }

  rate(kind: Trouble): number {
    return this.#rates[kind] ?? 0;
  }

  count(kind: Trouble): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  /** For the memory store. */
  readonly plan: FaultPlan = (call) => {
    const until = this.#outages.get(call.client);
    if (until !== undefined && this.#now() < until) return { refuse: 'unavailable' };
    return this.on ? this.#fault(call) : undefined;
  };

  #fault(call: StoreCall): Fault | undefined {
    const factor = this.storms.has(call.client) ? STORM_FACTOR : 1;
    const { slowMs, staleMs } = this.#times;
    if (this.strikes('throttled', factor)) return { refuse: 'throttled' };
    if (this.strikes('unavailable', factor)) return { refuse: 'unavailable' };
    if (this.strikes('slowThere', factor)) return { delayBeforeMs: this.#upTo(slowMs) };
    if (this.strikes('slowBack', factor)) return { delayAfterMs: this.#upTo(slowMs) };
    if (this.strikes('lostAnswer', factor)) return { loseAnswer: true };
    if (call.operation === 'put') {
      const isPart = call.key.startsWith('offsets/') || call.sortKey.startsWith('lease/');
      if (isPart && this.strikes('slowPart')) return { delayBeforeMs: this.#upTo(slowMs) };
      if (call.key.startsWith('journal/') && this.strikes('slowEntry')) return { delayBeforeMs: this.#upTo(slowMs) };
      if (call.key.startsWith('transaction/') && this.strikes('slowDecision'))
        return { delayAfterMs: this.#upTo(slowMs) };
      return this.strikes('landsLater', factor) ? this.#landLater(call.client) : undefined;
    }
    if (call.consistent === false && this.strikes('staleRead')) {
      const kind = this.#random.next();
      if (kind < 0.4) return { lag: { writes: this.#upTo(8) } };
      return { lag: { ms: kind < 0.7 ? this.#upTo(staleMs) : staleMs } };
    }
    if (call.operation === 'query' && this.strikes('shortPage')) return { cutPageTo: 1 + this.#upTo(3) };
    return undefined;
  }

  #landLater(client: string): Fault {
    if (!this.strikes('outage')) return { landAfterMs: this.#upTo(this.#times.landMs) };
    const outageMs = randomInt(this.#random, ...this.#times.outageMs);
    this.#outages.set(client, this.#now() + outageMs);
    // Around the end of the outage: before it, soon after it, or too late for its signature.
    return { landAfterMs: outageMs * (0.5 + this.#random.next()) };
  }

  #upTo(most: number): number {
    // Mostly small, sometimes all of it: short hold-ups and long ones break different things.
    return Math.ceil(most * this.#random.next() ** 3);
  }
}
