import type { BlobStore, CallKind, ItemStore, Stores } from './ports.ts';

/**
 * Called before each store call; the function that it returns is called after it. What it throws
 * replaces the answer.
 */
export type BeginCall = (kind: CallKind) => () => void;

/** The same stores; `begin` is called around every call. */
export function aroundCalls(stores: Stores, begin: BeginCall): Stores {
  return {
    journal: items(stores.journal, 'journal', begin),
    state: items(stores.state, 'state', begin),
    blobs: blobs(stores.blobs, begin),
    close: () => stores.close(),
  };
}

async function around<T>(begin: BeginCall, kind: CallKind, call: () => Promise<T>): Promise<T> {
  const end = begin(kind);
  try {
    return await call();
  } finally {
    end();
  }
}

function items(store: ItemStore, name: 'journal' | 'state', begin: BeginCall): ItemStore {
  return {
    now: () => store.now(),
    get: (pk, sk, consistent) => around(begin, `${name}.get`, () => store.get(pk, sk, consistent)),
    query: (request) => around(begin, `${name}.query`, () => store.query(request)),
    put: (item, condition, options) => around(begin, `${name}.put`, () => store.put(item, condition, options)),
    delete: (pk, sk, version, options) => around(begin, `${name}.delete`, () => store.delete(pk, sk, version, options)),
  };
}

function blobs(store: BlobStore, begin: BeginCall): BlobStore {
  return {
    now: () => store.now(),
    put: (key, chunks, options) => around(begin, 'blobs.put', () => store.put(key, chunks, options)),
    get: (key) => around(begin, 'blobs.get', () => store.get(key)),
    getRange: (key, start, end) => around(begin, 'blobs.getRange', () => store.getRange(key, start, end)),
    delete: (key) => around(begin, 'blobs.delete', () => store.delete(key)),
    list: (prefix, after, limit) => around(begin, 'blobs.list', () => store.list(prefix, after, limit)),
  };
}
