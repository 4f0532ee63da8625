import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { BlobStore, StoreTime } from '../storage/ports.ts';

/** Opens a bucket of S3. */
export type OpenBlobs = (options: {
  readonly bucket: string;
  readonly clock: Clock;
  readonly random: Random;
}) => Promise<BlobStore>;

/**
 * A bucket that is opened at the first call. Most requests make none, and loading its client takes
 * much of a cold start. Before that, `now()` returns the time of `otherwise`.
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
    put: async (key, chunks, options) => (await opened()).put(key, chunks, options),
    get: async (key) => (await opened()).get(key),
    getRange: async (key, start, end) => (await opened()).getRange(key, start, end),
    delete: async (key) => (await opened()).delete(key),
    list: async (prefix, after, limit) => (await opened()).list(prefix, after, limit),
  };
}
