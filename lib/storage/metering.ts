import { itemBytes } from './item-rules.ts';
import type { BlobStore, DeleteOutcome, Item, ItemStore, PutOutcome, QueryPage, Stores } from './ports.ts';

/** One call to a store, after its answer. */
export interface MeteredCall {
  /** Store and operation: 'journal.put', 'state.query', 'blobs.getRange'. */
  readonly kind: CallKind;
  /** The outcome's kind, for refusals with the reason ('refused.throttled'); 'ok' for reads; 'error' if it threw. */
  readonly outcome: string;
  /** Bytes sent: the item or the object. */
  readonly bytesIn: number;
  /** Bytes of items and objects in the answer. DynamoDB bills a failed condition by the item it met: it is in here. */
  readonly bytesOut: number;
  /** Items in the answer of a read. */
  readonly items: number;
  /** For reads of items; a consistent one costs twice. */
  readonly consistent: boolean;
}

export type CallKind = `${'journal' | 'state'}.${keyof ItemCalls}` | `blobs.${keyof BlobCalls}`;
type ItemCalls = Omit<ItemStore, 'now'>;
type BlobCalls = Omit<BlobStore, 'now'>;

/** Is told of every call. Must not throw. */
export interface Meter {
  record(call: MeteredCall): void;
}

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

/** The same stores, with every call told to `meter`. */
export function meterStores(stores: Stores, meter: Meter): Stores {
  return {
    journal: meterItems(stores.journal, 'journal', meter),
    state: meterItems(stores.state, 'state', meter),
    blobs: meterBlobs(stores.blobs, meter),
    close: () => stores.close(),
  };
}

type Measured = Partial<Omit<MeteredCall, 'kind'>>;

/** Awaits the call and records it: what `measure` makes of the answer, or an error. */
async function metered<T>(
  meter: Meter,
  kind: CallKind,
  known: Measured,
  call: Promise<T>,
  measure: (answer: T) => Measured,
): Promise<T> {
  const defaults = { kind, outcome: 'ok', bytesIn: 0, bytesOut: 0, items: 0, consistent: false, ...known };
  try {
    const answer = await call;
    meter.record({ ...defaults, ...measure(answer) });
    return answer;
  } catch (error) {
    meter.record({ ...defaults, outcome: 'error' });
    throw error;
  }
}

function meterItems(store: ItemStore, name: 'journal' | 'state', meter: Meter): ItemStore {
  return {
    now: () => store.now(),
    get: (pk, sk, consistent) =>
      metered(meter, `${name}.get`, { consistent }, store.get(pk, sk, consistent), ({ item }) =>
        measureItems(item === undefined ? [] : [item]),
      ),
    query: (request) =>
      metered(meter, `${name}.query`, { consistent: request.consistent }, store.query(request), (page: QueryPage) =>
        measureItems(page.items),
      ),
    put: (item, condition, options) =>
      metered(meter, `${name}.put`, { bytesIn: itemBytes(item) }, store.put(item, condition, options), measureOutcome),
    delete: (pk, sk, version, options) =>
      metered(meter, `${name}.delete`, {}, store.delete(pk, sk, version, options), measureOutcome),
  };
}

function meterBlobs(store: BlobStore, meter: Meter): BlobStore {
  const measureRange = (range: Awaited<ReturnType<BlobStore['get']>>): Measured =>
    range.kind === 'found' ? { outcome: 'found', bytesOut: range.bytes.length } : { outcome: 'missing' };
  return {
    now: () => store.now(),
    put: (key, chunks) => {
      const bytesIn = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      return metered(meter, 'blobs.put', { bytesIn }, store.put(key, chunks), (outcome) => ({
        outcome: outcomeName(outcome),
      }));
    },
    getRange: (key, start, end) => metered(meter, 'blobs.getRange', {}, store.getRange(key, start, end), measureRange),
    get: (key) => metered(meter, 'blobs.get', {}, store.get(key), measureRange),
    delete: (key) => metered(meter, 'blobs.delete', {}, store.delete(key), () => ({})),
    list: (prefix, after, limit) =>
      metered(meter, 'blobs.list', {}, store.list(prefix, after, limit), (found) => ({ items: found.length })),
  };
}

function measureItems(items: readonly Item[]): Measured {
  return { items: items.length, bytesOut: items.reduce((sum, item) => sum + itemBytes(item), 0) };
}

function measureOutcome(outcome: PutOutcome | DeleteOutcome): Measured {
  const met = outcome.kind === 'conflict' ? outcome.existing : undefined;
  return { outcome: outcomeName(outcome), bytesOut: met === undefined ? 0 : itemBytes(met) };
}

function outcomeName(outcome: { readonly kind: string; readonly reason?: string }): string {
  return outcome.reason === undefined ? outcome.kind : `${outcome.kind}.${outcome.reason}`;
}
