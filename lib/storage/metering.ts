import type { Clock } from '../core/clock.ts';
import { itemBytes } from './item-rules.ts';
import type { BlobStore, CallKind, DeleteOutcome, Item, ItemStore, PutOutcome, QueryPage, Stores } from './ports.ts';

/** One call to a store, after its answer. */
export interface MeteredCall {
  /** Store and operation: 'journal.put', 'state.query', 'blobs.getRange'. */
  readonly kind: CallKind;
  /** The partition key of the items, the key of the object, or the prefix of a list. */
  readonly key: string;
  /** The sort key of a call for one item; empty otherwise. */
  readonly sk: string;
  /**
   * The outcome's kind, for refusals with the reason ('refused.throttled'); 'ok' for reads; 'error'
   * if it threw.
   */
  readonly outcome: string;
  /** Bytes sent: the item or the object. */
  readonly bytesIn: number;
  /**
   * Bytes of items and objects in the answer. DynamoDB bills a failed condition by the item it met:
   * it is in here.
   */
  readonly bytesOut: number;
  /** Items in the answer of a read. */
  readonly items: number;
  /** For reads of items; a consistent one costs twice. */
  readonly consistent: boolean;
  /** From the call to its answer, ms; 0 where the meter was given no clock. */
  readonly durationMs: number;
}

/** Called after every store call. Must not throw. */
export interface Meter {
  record(call: MeteredCall): void;
}

/** The same stores; `meter` gets every call and, with a clock, its duration. */
export function meterStores(stores: Stores, meter: Meter, clock?: Clock): Stores {
  const timed = { meter, clock };
  return {
    journal: meterItems(stores.journal, 'journal', timed),
    state: meterItems(stores.state, 'state', timed),
    blobs: meterBlobs(stores.blobs, timed),
    close: () => stores.close(),
  };
}

/** A call in progress. It is recorded once, when its answer is measured. */
type Told = { -readonly [Name in keyof MeteredCall]: MeteredCall[Name] };

interface TimedMeter {
  readonly meter: Meter;
  readonly clock: Clock | undefined;
}

/** The part of a call that is known before its answer. */
function begun(kind: CallKind, key: string, sk = '', bytesIn = 0, consistent = false): Told {
  return { kind, key, sk, outcome: 'ok', bytesIn, bytesOut: 0, items: 0, consistent, durationMs: 0 };
}

/** Awaits the call and records it: with what `measure` adds of the answer, or as an error. */
async function metered<T>(
  { meter, clock }: TimedMeter,
  told: Told,
  call: Promise<T>,
  measure: (told: Told, answer: T) => void,
): Promise<T> {
  const start = clock?.monotonic() ?? 0;
  try {
    const answer = await call;
    measure(told, answer);
    return answer;
  } catch (error) {
    told.outcome = 'error';
    throw error;
  } finally {
    told.durationMs = (clock?.monotonic() ?? 0) - start;
    meter.record(told);
  }
}

function meterItems(store: ItemStore, name: 'journal' | 'state', meter: TimedMeter): ItemStore {
  const [getKind, queryKind, putKind, deleteKind] = [
    `${name}.get`,
    `${name}.query`,
    `${name}.put`,
    `${name}.delete`,
  ] as const;
  return {
    now: () => store.now(),
    get: (pk, sk, consistent) =>
      metered(meter, begun(getKind, pk, sk, 0, consistent), store.get(pk, sk, consistent), (told, { item }) => {
        if (item !== undefined) measureItems(told, [item]);
      }),
    query: (request) =>
      metered(
        meter,
        begun(queryKind, request.pk, '', 0, request.consistent),
        store.query(request),
        (told, page: QueryPage) => measureItems(told, page.items),
      ),
    put: (item, condition, options) =>
      metered(
        meter,
        begun(putKind, item.pk, item.sk, itemBytes(item)),
        store.put(item, condition, options),
        measureOutcome,
      ),
    delete: (pk, sk, version, options) =>
      metered(meter, begun(deleteKind, pk, sk), store.delete(pk, sk, version, options), measureOutcome),
  };
}

function meterBlobs(store: BlobStore, meter: TimedMeter): BlobStore {
  const measureRange = (told: Told, range: Awaited<ReturnType<BlobStore['get']>>): void => {
    told.outcome = range.kind;
    if (range.kind === 'found') told.bytesOut = range.bytes.length;
  };
  return {
    now: () => store.now(),
    put: (key, chunks, options) => {
      const bytesIn = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      return metered(meter, begun('blobs.put', key, '', bytesIn), store.put(key, chunks, options), (told, outcome) => {
        told.outcome = outcomeName(outcome);
      });
    },
    getRange: (key, start, end) =>
      metered(meter, begun('blobs.getRange', key), store.getRange(key, start, end), measureRange),
    get: (key) => metered(meter, begun('blobs.get', key), store.get(key), measureRange),
    delete: (key) => metered(meter, begun('blobs.delete', key), store.delete(key), () => {}),
    list: (prefix, after, limit) =>
      metered(meter, begun('blobs.list', prefix), store.list(prefix, after, limit), (told, found) => {
        told.items = found.length;
      }),
  };
}

function measureItems(told: Told, items: readonly Item[]): void {
  told.items = items.length;
  for (const item of items) told.bytesOut += itemBytes(item);
}

function measureOutcome(told: Told, outcome: PutOutcome | DeleteOutcome): void {
  told.outcome = outcomeName(outcome);
  if (outcome.kind === 'conflict' && outcome.existing !== undefined) told.bytesOut = itemBytes(outcome.existing);
}

function outcomeName(outcome: { readonly kind: string; readonly reason?: string }): string {
  return outcome.reason === undefined ? outcome.kind : `${outcome.kind}.${outcome.reason}`;
}
