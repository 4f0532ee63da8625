import type { Clock } from '../../../lib/core/clock.ts';
import { itemBytes } from '../../../lib/storage/item-rules.ts';
import type { BlobStore, DeleteOutcome, Item, ItemStore, PutOutcome, Stores } from '../../../lib/storage/ports.ts';
import { PRICES, READ_UNIT_BYTES, STORED_ITEM_OVERHEAD_BYTES, WRITE_UNIT_BYTES } from './prices.ts';

/** What AWS charges requests by. */
export interface Requests {
  writeUnits: number;
  readUnits: number;
  puts: number;
  gets: number;
  lists: number;
  deletes: number;
  bytesIn: number;
  bytesOut: number;
}

export function noRequests(): Requests {
  return { writeUnits: 0, readUnits: 0, puts: 0, gets: 0, lists: 0, deletes: 0, bytesIn: 0, bytesOut: 0 };
}

/** The sum of two, or their difference with `factor` -1. */
export function plus(a: Requests, b: Requests, factor = 1): Requests {
  const keys = Object.keys(a) as (keyof Requests)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + factor * b[key]])) as unknown as Requests;
}

export function dollarsOf({ writeUnits, readUnits, puts, gets, lists }: Requests): number {
  const { dynamodb, s3 } = PRICES;
  const items = writeUnits * dynamodb.writeUnit + readUnits * dynamodb.readUnit;
  return items + puts * s3.put + gets * s3.get + lists * s3.list;
}

/** Kinds of stored bytes. */
export const STORED = ['entries', 'state', 'wal', 'segments', 'checkpoints'] as const;
export type Stored = (typeof STORED)[number];

/** What requests are made for. The rows of the table. */
export type Cause = string;

const MONTH_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Charges every call of the engine to the stores as AWS does, by cause, and adds up what is stored
 * over time.
 */
export class Bill {
  readonly #clock: Clock;
  readonly #causes = new Map<Cause, Requests>();
  readonly #sizes = new Map<string, number>();
  readonly #stored: Record<Stored, number> = { entries: 0, state: 0, wal: 0, segments: 0, checkpoints: 0 };
  readonly #byteMs: Record<Stored, number> = { entries: 0, state: 0, wal: 0, segments: 0, checkpoints: 0 };
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.now();
  }

  /** The charged requests so far, by cause. */
  requests(): Map<Cause, Requests> {
    return new Map([...this.#causes].map(([cause, requests]) => [cause, { ...requests }]));
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
      dynamodb: dollars(entries + state, PRICES.storage.dynamodb),
      s3: dollars(wal + segments + checkpoints, PRICES.storage.s3),
    };
  }

  /** The same stores, with every call on the bill. */
  watch(stores: Stores): Stores {
    return {
      journal: this.#items(stores.journal, 'journal'),
      state: this.#items(stores.state, 'state'),
      blobs: this.#blobs(stores.blobs),
      close: () => stores.close(),
    };
  }

  #items(store: ItemStore, name: 'journal' | 'state'): ItemStore {
    const kind = name === 'journal' ? 'entries' : 'state';
    const cause = (pk: string, verb: Verb) => (name === 'journal' ? `entries: ${verb}` : stateCause(pk, verb));
    const read = (pk: string, items: readonly Item[], consistent: boolean) => {
      const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
      const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (consistent ? 1 : 0.5);
      this.#charge(cause(pk, 'read'), { readUnits: units, bytesOut: bytes });
    };
    const write = (
      item: { pk: string; sk: string },
      bytes: number,
      outcome: PutOutcome | DeleteOutcome,
      verb: Verb,
    ) => {
      const key = `${name} ${item.pk} ${item.sk}`;
      const before = this.#sizes.get(key) ?? 0;
      const existing = outcome.kind === 'conflict' && outcome.existing !== undefined ? itemBytes(outcome.existing) : 0;
      const charged = outcome.kind === 'conflict' ? existing : Math.max(bytes, before);
      const units = Math.max(1, Math.ceil(charged / WRITE_UNIT_BYTES));
      this.#charge(cause(item.pk, verb), { writeUnits: units, bytesIn: bytes });
      if (outcome.kind === 'committed') this.#keep(kind, key, bytes === 0 ? 0 : bytes + STORED_ITEM_OVERHEAD_BYTES);
    };
    return {
      now: () => store.now(),
      get: async (pk, sk, consistent) => {
        const got = await store.get(pk, sk, consistent);
        read(pk, got.item === undefined ? [] : [got.item], consistent);
        return got;
      },
      query: async (request) => {
        const page = await store.query(request);
        read(request.pk, page.items, request.consistent);
        return page;
      },
      put: async (item, condition, options) => {
        const outcome = await store.put(item, condition, options);
        write(item, itemBytes(item), outcome, 'write');
        return outcome;
      },
      delete: async (pk, sk, version, options) => {
        const outcome = await store.delete(pk, sk, version, options);
        write({ pk, sk }, 0, outcome, 'delete');
        return outcome;
      },
    };
  }

  #blobs(store: BlobStore): BlobStore {
    const got = (key: string, length: number) => this.#charge(blobCause(key, 'read'), { gets: 1, bytesOut: length });
    return {
      now: () => store.now(),
      put: async (key, chunks, options) => {
        const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
        const outcome = await store.put(key, chunks, options);
        this.#charge(blobCause(key, 'write'), { puts: 1, bytesIn: bytes });
        if (outcome.kind === 'stored') this.#keep(kindOf(key), key, bytes);
        return outcome;
      },
      getRange: async (key, start, end) => {
        const range = await store.getRange(key, start, end);
        got(key, range.kind === 'found' ? range.bytes.length : 0);
        return range;
      },
      get: async (key) => {
        const range = await store.get(key);
        got(key, range.kind === 'found' ? range.bytes.length : 0);
        return range;
      },
      delete: async (key) => {
        await store.delete(key);
        this.#charge(blobCause(key, 'delete'), { deletes: 1 });
        this.#keep(kindOf(key), key, 0);
      },
      list: async (prefix, after, limit) => {
        const found = await store.list(prefix, after, limit);
        this.#charge(blobCause(prefix, 'list'), { lists: 1 });
        return found;
      },
    };
  }

  #charge(cause: Cause, requests: Partial<Requests>): void {
    this.#causes.set(cause, plus(this.#causes.get(cause) ?? noRequests(), { ...noRequests(), ...requests }));
  }

  #keep(kind: Stored, key: string, bytes: number): void {
    this.#advance();
    this.#stored[kind] += bytes - (this.#sizes.get(key) ?? 0);
    if (bytes === 0) this.#sizes.delete(key);
    else this.#sizes.set(key, bytes);
  }

  #advance(): void {
    const now = this.#clock.now();
    for (const kind of STORED) this.#byteMs[kind] += this.#stored[kind] * (now - this.#at);
    this.#at = now;
  }
}

type Verb = 'read' | 'write' | 'delete' | 'list';

/** The first part of a partition key of the state table, in plain words. */
const STATE_CAUSES: Readonly<Record<string, string>> = {
  due: 'due list',
  segments: 'segment items',
  checkpoint: 'checkpoints',
  trim: 'trim marks',
  upkeep: 'upkeep',
};

function stateCause(pk: string, verb: Verb): Cause {
  const name = STATE_CAUSES[pk.split('/')[0]!];
  return name === undefined ? 'topics and cluster' : `${name}: ${verb}`;
}

function kindOf(key: string): Stored {
  if (key.startsWith('wal/')) return 'wal';
  return key.startsWith('segment/') ? 'segments' : 'checkpoints';
}

const BLOB_CAUSES = { wal: 'WAL objects', segments: 'segments', checkpoints: 'checkpoint objects' } as const;

function blobCause(key: string, verb: Verb): Cause {
  return `${BLOB_CAUSES[kindOf(key) as keyof typeof BLOB_CAUSES]}: ${verb}`;
}
