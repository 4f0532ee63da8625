import type { BlobStore, ItemStore, PutOptions, Stores } from '../../lib/storage/ports.ts';

/** Stores whose time is ahead of that of the stores behind them. What they store, and when, is the same. */
export class LaterStores implements Stores {
  readonly journal: ItemStore;
  readonly state: ItemStore;
  readonly blobs: BlobStore;
  readonly #stores: Stores;
  #aheadMs = 0;

  constructor(stores: Stores) {
    this.#stores = stores;
    this.journal = this.#items(stores.journal);
    this.state = this.#items(stores.state);
    this.blobs = this.#blobs(stores.blobs);
  }

  forward(ms: number): void {
    this.#aheadMs += ms;
  }

  close(): Promise<void> {
    return this.#stores.close();
  }

  #items(store: ItemStore): ItemStore {
    return {
      now: () => store.now() + this.#aheadMs,
      get: async (...call) => this.#later(await store.get(...call)),
      query: async (...call) => this.#later(await store.query(...call)),
      put: async (item, condition, options) => this.#later(await store.put(item, condition, this.#earlier(options))),
      delete: async (pk, sk, version, options) =>
        this.#later(await store.delete(pk, sk, version, this.#earlier(options))),
    };
  }

  #blobs(store: BlobStore): BlobStore {
    return {
      now: () => store.now() + this.#aheadMs,
      put: async (...call) => this.#later(await store.put(...call)),
      getRange: async (...call) => this.#later(await store.getRange(...call)),
      get: async (...call) => this.#later(await store.get(...call)),
      delete: (key) => store.delete(key),
      list: (...call) => store.list(...call),
    };
  }

  #later<T extends object>(answer: T): T {
    return 'storeTime' in answer ? { ...answer, storeTime: Number(answer.storeTime) + this.#aheadMs } : answer;
  }

  #earlier({ signBefore, ...options }: PutOptions = {}): PutOptions {
    return signBefore === undefined ? options : { ...options, signBefore: signBefore - this.#aheadMs };
  }
}
