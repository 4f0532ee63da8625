import type { Meter, MeteredCall } from '../../lib/storage/metering.ts';
import type { CallKind } from '../../lib/storage/ports.ts';

/** Sums of the calls of one kind. */
export interface CallTotals {
  calls: number;
  bytesIn: number;
  bytesOut: number;
  items: number;
  readonly outcomes: Record<string, number>;
}

/** A meter that adds up; tests assert its exact counts. */
export class CountingMeter implements Meter {
  readonly #totals = new Map<CallKind, CallTotals>();

  record(call: MeteredCall): void {
    const totals = this.totals(call.kind);
    totals.calls++;
    totals.bytesIn += call.bytesIn;
    totals.bytesOut += call.bytesOut;
    totals.items += call.items;
    totals.outcomes[call.outcome] = (totals.outcomes[call.outcome] ?? 0) + 1;
    this.#totals.set(call.kind, totals);
  }

  /** The sums of one kind; zeros if it was never called. */
  totals(kind: CallKind): CallTotals {
    return this.#totals.get(kind) ?? { calls: 0, bytesIn: 0, bytesOut: 0, items: 0, outcomes: {} };
  }

  /** Number of calls by kind, only those that were made; `{ 'journal.put': 3 }`. */
  counts(): Partial<Record<CallKind, number>> {
    return Object.fromEntries([...this.#totals].map(([kind, { calls }]) => [kind, calls]));
  }

  reset(): void {
    this.#totals.clear();
  }
}
