import type { BlobStore, StoreTime } from '../storage/ports.ts';

/**
 * A bucket that is opened when it is first needed: most requests need none, and loading its client takes a good part of a
 * cold start. Until then its time is what `otherwise` says.
 */
export function lazyBlobs(open: () => Promise<BlobStore>, otherwise: () => StoreTime): BlobStore {
  let store: BlobStore | undefined;
  let opening: Promise<BlobStore> | undefined;
  const opened = async () => {
    opening ??= open();
    store = await opening;
    return store;
  };
  return {
    now() {
      const time = store?.now() ?? Number.NaN;
      return Number.isNaN(time) ? otherwise() : time;
    },
    put: async (key, chunks) => (await opened()).put(key, chunks),
    get: async (key) => (await opened()).get(key),
    getRange: async (key, start, end) => (await opened()).getRange(key, start, end),
    delete: async (key) => (await opened()).delete(key),
    list: async (prefix, after, limit) => (await opened()).list(prefix, after, limit),
  };
}
