import {
  type BlobStore,
  type ItemStore,
  type PutOutcome,
  type Stores,
  type StoreTime,
  StoreUnavailableError,
} from '../../lib/storage/ports.ts';
import { StoreClock } from '../../lib/storage/store-clock.ts';
import type { Process } from './process.ts';

/**
 * The stores as one process reaches them: calls and answers stop while it is frozen and end when it is gone, and the time
 * that answers tell is as coarse as `granularityMs` (a `Date` header counts whole seconds). `appends` hears of each put into the
 * journals' table.
 */
export function processStores(
  process: Process,
  stores: Stores,
  granularityMs: number,
  appends: (nonce: string) => void = () => {},
): Stores {
  const journal = items(process, stores.journal, granularityMs);
  return {
    journal: {
      ...journal,
      put: (item, condition, options) => {
        appends(item.nonce);
        return journal.put(item, condition, options);
      },
    },
    state: items(process, stores.state, granularityMs),
    blobs: blobs(process, stores.blobs, granularityMs),
    close: () => Promise.resolve(),
  };
}

class Link {
  readonly #process: Process;
  readonly #clock: StoreClock;
  readonly #granularityMs: number;

  constructor(process: Process, granularityMs: number) {
    this.#process = process;
    this.#granularityMs = granularityMs;
    this.#clock = new StoreClock(process.clock, granularityMs);
  }

  now(): StoreTime {
    return this.#clock.now();
  }

  async call<T extends object>(make: () => Promise<T>): Promise<T> {
    await this.#process.pass();
    const sentAt = this.#clock.sending();
    const answer = await make().catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return error;
      throw error;
    });
    await this.#process.pass();
    if (answer instanceof StoreUnavailableError) throw answer;
    if (!('storeTime' in answer)) return answer;
    const told = answer.storeTime as number;
    const coarse = told - (told % this.#granularityMs);
    return { ...answer, storeTime: this.#clock.observe(coarse, sentAt) };
  }
}

function items(process: Process, store: ItemStore, granularityMs: number): ItemStore {
  const link = new Link(process, granularityMs);
  return {
    now: () => link.now(),
    get: (pk, sk, consistent) => link.call(() => store.get(pk, sk, consistent)),
    query: (request) => link.call(() => store.query(request)),
    put: (item, condition, options) => link.call<PutOutcome>(() => store.put(item, condition, options)),
    delete: (pk, sk, version, options) => link.call<PutOutcome>(() => store.delete(pk, sk, version, options)),
  };
}

function blobs(process: Process, store: BlobStore, granularityMs: number): BlobStore {
  const link = new Link(process, granularityMs);
  return {
    now: () => link.now(),
    put: (key, chunks, options) => link.call(() => store.put(key, chunks, options)),
    get: (key) => link.call(() => store.get(key)),
    getRange: (key, start, end) => link.call(() => store.getRange(key, start, end)),
    delete: async (key) => {
      await link.call(async () => {
        await store.delete(key);
        return {};
      });
    },
    list: (prefix, after, limit) => link.call(() => store.list(prefix, after, limit)),
  };
}
