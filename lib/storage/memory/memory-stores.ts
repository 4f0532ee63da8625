import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { checkQuery, isBlobKey, itemRefusal, keyRefusal } from '../item-rules.ts';
import type { BlobRange, BlobStore, Item, ItemStore, PutOutcome, Stores } from '../ports.ts';
import { StoreUnavailableError } from '../ports.ts';
import { ClientLink, type ClientSettings } from './client-link.ts';
import type { FaultPlan, LatencyModel } from './faults.ts';
import { MemoryServer, type StoredBlob } from './server.ts';
import type { SortedTable } from './sorted-table.ts';

export interface MemoryStoresOptions {
  /** The world's clock: the store's time, and that of the network. */
  readonly clock: Clock;
  readonly random: Random;
  readonly faults?: FaultPlan;
  readonly latency?: LatencyModel;
}

export interface MemoryClientOptions {
  /** The client process's own clock; the world's when left out. */
  readonly clock?: Clock;
  /** The client's name, for the hooks. */
  readonly name?: string;
  readonly faults?: FaultPlan;
  readonly latency?: LatencyModel;
}

/** Stores in memory: itself a client, and the maker of further ones over the same contents. */
export interface MemoryStores extends Stores {
  /** A view of its own, with its own store clock; hooks left out are those of the store. */
  client(options?: MemoryClientOptions): Stores;
  /** The contents themselves, for checkers. Do not change them. */
  contents(): {
    readonly journal: readonly Item[];
    readonly state: readonly Item[];
    readonly blobs: ReadonlyMap<string, StoredBlob>;
  };
}

/**
 * Makes an empty store for tests and simulation. Without hooks every call is answered at once and
 * exactly; the hooks make calls lose, delay, repeat and lag.
 */
export function memoryStores(options: MemoryStoresOptions): MemoryStores {
  const server = new MemoryServer(options.clock);
  const client = (own: MemoryClientOptions = {}): Stores =>
    clientStores(server, {
      clock: own.clock ?? options.clock,
      random: options.random,
      name: own.name ?? '',
      faults: own.faults ?? options.faults,
      latency: own.latency ?? options.latency,
    });
  return {
    ...client(),
    client,
    contents: () => ({ journal: server.journal.all(), state: server.state.all(), blobs: server.blobs }),
  };
}

function clientStores(server: MemoryServer, settings: ClientSettings): Stores {
  return {
    journal: itemClient(server, server.journal, 'journal', settings),
    state: itemClient(server, server.state, 'state', settings),
    blobs: blobClient(server, settings),
    close: () => Promise.resolve(),
  };
}

function itemClient(
  server: MemoryServer,
  table: SortedTable,
  store: 'journal' | 'state',
  settings: ClientSettings,
): ItemStore {
  const link = new ClientLink(server, settings);
  return {
    now: () => link.now(),

    async get(pk, sk, consistent) {
      const identity = { store, operation: 'get' as const, key: pk, sortKey: sk, consistent };
      const answer = await link.read(identity, (fault) =>
        copyOf(table.get(pk, sk, consistent ? undefined : fault.lag, server.now())),
      );
      return { item: answer.value, storeTime: answer.storeTime };
    },

    async query(request) {
      checkQuery(request);
      const { pk, consistent } = request;
      const identity = { store, operation: 'query' as const, key: pk, sortKey: request.from ?? '', consistent };
      const { value, storeTime } = await link.read(identity, (fault) => {
        const limit = Math.min(
          request.limit ?? Number.POSITIVE_INFINITY,
          Math.max(1, fault.cutPageTo ?? Number.POSITIVE_INFINITY),
        );
        const page = table.query({ ...request, limit }, consistent ? undefined : fault.lag, server.now());
        return { items: page.items.map((item) => copyOf(item)), more: page.more };
      });
      return { items: value.items, more: value.more, storeTime };
    },

    async put(item, condition, putOptions) {
      const refusal = itemRefusal(item);
      if (refusal !== undefined) return { kind: 'refused', ...refusal };
      const sent = copyOf(item);
      const identity = { store, operation: 'put' as const, key: item.pk, sortKey: item.sk };
      const outcome = await link.write(identity, putOptions, (signedAt) =>
        server.put(table, sent, condition, signedAt),
      );
      return withCopies(outcome);
    },

    async delete(pk, sk, version, putOptions) {
      const refusal = keyRefusal(pk, sk);
      if (refusal !== undefined) return { kind: 'refused', reason: 'rejected', message: refusal };
      const identity = { store, operation: 'delete' as const, key: pk, sortKey: sk };
      const outcome = await link.write(identity, putOptions, (signedAt) =>
        server.delete(table, pk, sk, version, signedAt),
      );
      return withCopies(outcome);
    },
  };
}

function blobClient(server: MemoryServer, settings: ClientSettings): BlobStore {
  const link = new ClientLink(server, settings);
  const range = async (key: string, start: number, end: number): Promise<BlobRange> => {
    const identity = { store: 'blobs' as const, operation: 'getRange' as const, key, sortKey: '' };
    const { value, storeTime } = await link.read(identity, () => server.blobs.get(key));
    if (value === undefined) return { kind: 'missing', storeTime };
    const bytes = Buffer.from(value.bytes.subarray(start, end));
    return { kind: 'found', bytes, size: value.bytes.length, modified: value.modified, storeTime };
  };
  return {
    now: () => link.now(),
    getRange: range,
    get: (key) => range(key, 0, Number.POSITIVE_INFINITY),

    async put(key, chunks, putOptions) {
      if (!isBlobKey(key)) return { kind: 'refused', reason: 'rejected', message: `not a key for an object: ${key}` };
      const bytes = Buffer.concat(chunks);
      const identity = { store: 'blobs' as const, operation: 'put' as const, key, sortKey: '' };
      const outcome = await link.write(identity, putOptions, (signedAt) => server.putBlob(key, bytes, signedAt));
      if (outcome.kind === 'committed') return { kind: 'stored', storeTime: outcome.storeTime };
      return outcome as Exclude<PutOutcome, { kind: 'committed' | 'conflict' }>;
    },

    async delete(key) {
      const identity = { store: 'blobs' as const, operation: 'delete' as const, key, sortKey: '' };
      const outcome = await link.write(identity, undefined, (signedAt) => server.deleteBlob(key, signedAt));
      if (outcome.kind !== 'committed') throw new StoreUnavailableError(`the object was not deleted: ${outcome.kind}`);
    },

    async list(prefix, after, limit) {
      const identity = { store: 'blobs' as const, operation: 'list' as const, key: prefix, sortKey: after ?? '' };
      return (await link.read(identity, () => server.list(prefix, after, limit))).value;
    },
  };
}

function copyOf<T extends Item | undefined>(item: T): T {
  return item === undefined ? item : { ...item, body: Buffer.from(item.body) };
}

function withCopies(outcome: PutOutcome): PutOutcome {
  return outcome.kind === 'conflict' ? { ...outcome, existing: copyOf(outcome.existing) } : outcome;
}
