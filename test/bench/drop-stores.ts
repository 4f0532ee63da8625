import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { entrySk } from '../../lib/storage/items/journal-entry.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import type { Stores } from '../../lib/storage/ports.ts';

const FIRST_SLOT = entrySk(0);

/**
 * Stores that acknowledge every journal entry and WAL object at once and keep none of them, except a journal's first entry,
 * without which it could not be opened. What the engine and the gateway cost by themselves; nothing can be read back.
 */
export function dropStores(): Stores {
  const kept = memoryStores({ clock: systemClock, random: systemRandom });
  const { journal, state, blobs } = kept;
  return {
    journal: {
      now: () => journal.now(),
      get: (pk, sk, consistent) => journal.get(pk, sk, consistent),
      query: (request) => journal.query(request),
      delete: (pk, sk, version, options) => journal.delete(pk, sk, version, options),
      put: (item, condition, options) =>
        item.sk === FIRST_SLOT
          ? journal.put(item, condition, options)
          : Promise.resolve({ kind: 'committed', storeTime: journal.now() }),
    },
    state,
    blobs: {
      now: () => blobs.now(),
      get: (key) => blobs.get(key),
      getRange: (key, start, end) => blobs.getRange(key, start, end),
      delete: (key) => blobs.delete(key),
      list: (prefix, after, limit) => blobs.list(prefix, after, limit),
      put: (key, chunks, options) =>
        key.startsWith('wal/')
          ? Promise.resolve({ kind: 'stored', storeTime: blobs.now() })
          : blobs.put(key, chunks, options),
    },
    close: () => kept.close(),
  };
}
