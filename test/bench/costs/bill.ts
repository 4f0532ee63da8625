import type { Clock } from '../../../lib/core/clock.ts';
import { type Cause, causeOf } from '../../../lib/cost/causes.ts';
import { noUnits, type Unit, unitOf, unitsOf } from '../../../lib/cost/charge.ts';
import { US_EAST_1 } from '../../../lib/cost/prices.ts';
import { type Meter, type MeteredCall, meterStores } from '../../../lib/storage/metering.ts';
import type { CallKind, Stores } from '../../../lib/storage/ports.ts';

/** What DynamoDB adds to the size of an item where it charges for storage; bytes. */
const STORED_ITEM_OVERHEAD_BYTES = 100;

/** What AWS charges requests by, and the bytes that they move. */
export type Requests = Record<Unit, number> & { bytesIn: number; bytesOut: number };

export function noRequests(): Requests {
  return { ...noUnits(), bytesIn: 0, bytesOut: 0 };
}

/** The sum of two, or their difference with `factor` -1. */
export function plus(a: Requests, b: Requests, factor = 1): Requests {
  const keys = Object.keys(a) as (keyof Requests)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + factor * b[key]])) as unknown as Requests;
}

/** Kinds of stored bytes. */
export const STORED = ['entries', 'state', 'wal', 'segments', 'checkpoints'] as const;
export type Stored = (typeof STORED)[number];

/** What requests are made for, and the verb: `entries: read`. The rows of the table. */
export type Row = string;

const MONTH_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Charges every call of the engine to the stores as AWS does, by cause, and adds up what is stored
 * over time.
 */
export class Bill implements Meter {
  readonly #clock: Clock;
  readonly #rows = new Map<Row, Requests>();
  readonly #sizes = new Map<string, number>();
  readonly #stored: Record<Stored, number> = { entries: 0, state: 0, wal: 0, segments: 0, checkpoints: 0 };
  readonly #byteMs: Record<Stored, number> = { entries: 0, state: 0, wal: 0, segments: 0, checkpoints: 0 };
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** The charged requests so far, by cause and verb. */
  requests(): Map<Row, Requests> {
    return new Map([...this.#rows].map(([row, requests]) => [row, { ...requests }]));
  }

  /** Bytes that are stored now. */
  stored(): Readonly<Record<Stored, number>> {
    return { ...this.#stored };
  }

  /** What storage has cost so far, dollars, of everything stored since the beginning. */
  storageDollars(): { readonly dynamodb: number; readonly s3: number } {
    this.#advance();
    const { entries, state, wal, segments, checkpoints } = this.#byteMs;
    const dollars = (byteMs: number, perMonth: number) => (byteMs / 1e9 / MONTH_MS) * perMonth;
    return {
      dynamodb: dollars(entries + state, US_EAST_1['dynamodb.storage'].usd),
      s3: dollars(wal + segments + checkpoints, US_EAST_1['s3.storage'].usd),
    };
  }

  /** The same stores, with every call on the bill. */
  watch(stores: Stores): Stores {
    return meterStores(stores, this);
  }

  record(call: MeteredCall): void {
    const { kind, key, sk, bytesIn, outcome } = call;
    const cause = causeOf(kind, key);
    const stored = STORED_AS[cause] ?? 'state';
    const name = `${cause} ${key} ${sk}`;
    const unit = unitOf(kind);
    const isRead = unit === 'read' || unit === 'get';
    const requests = this.#rows.get(rowOf(cause, kind)) ?? noRequests();
    requests[unit] += unitsOf(call, this.#sizes.get(name));
    requests.bytesIn += bytesIn;
    requests.bytesOut += isRead ? call.bytesOut : 0;
    this.#rows.set(rowOf(cause, kind), requests);
    const isDone = outcome === 'committed' || outcome === 'stored' || (unit === 'delete' && outcome === 'ok');
    if (isDone) this.#keep(stored, name, bytesIn);
  }

  #keep(kind: Stored, name: string, bytes: number): void {
    this.#advance();
    const overhead = kind === 'entries' || kind === 'state' ? STORED_ITEM_OVERHEAD_BYTES : 0;
    const before = this.#sizes.get(name);
    if (before !== undefined) this.#stored[kind] -= before + overhead;
    if (bytes > 0) this.#stored[kind] += bytes + overhead;
    if (bytes === 0) this.#sizes.delete(name);
    else this.#sizes.set(name, bytes);
  }

  #advance(): void {
    const now = this.#clock.now();
    for (const kind of STORED) this.#byteMs[kind] += this.#stored[kind] * (now - this.#at);
    this.#at = now;
  }
}

/** What is kept in other places than `state`. */
const STORED_AS: Partial<Record<Cause, Stored>> = {
  entries: 'entries',
  'WAL objects': 'wal',
  segments: 'segments',
  'checkpoint objects': 'checkpoints',
};

const VERBS: Readonly<Record<string, string>> = { put: 'write', delete: 'delete', list: 'list' };

function rowOf(cause: Cause, kind: CallKind): Row {
  return `${cause}: ${VERBS[kind.slice(kind.indexOf('.') + 1)] ?? 'read'}`;
}
