import type { CostMeter } from '../../lib/cost/meter.ts';
import type { MemoryStores } from '../../lib/storage/memory/memory-stores.ts';
import type { Item, ItemStore, Stores } from '../../lib/storage/ports.ts';

/** Units by table or bucket and kind: `journal write`. */
export type WalkedUnits = ReadonlyMap<string, number>;

/**
 * AWS's bill for the calls to stores in memory, found in another way than lib/cost does: by walking
 * all items that the stores hold, before and after each call.
 */
export class WalkedBill {
  readonly #contents: MemoryStores['contents'];
  readonly #units = new Map<string, number>();

  /** The same stores, each of whose calls is on the bill. Calls must not overlap. */
  readonly stores: Stores;

  constructor(stores: MemoryStores) {
    this.#contents = () => stores.contents();
    const { blobs } = stores;
    const once = <T>(kind: string, call: Promise<T>): Promise<T> => {
      this.#add(`blobs ${kind}`, 1);
      return call;
    };
    this.stores = {
      ...stores,
      journal: this.#items(stores.journal, 'journal'),
      state: this.#items(stores.state, 'state'),
      blobs: {
        now: () => blobs.now(),
        put: (...args) => once('put', blobs.put(...args)),
        get: (...args) => once('get', blobs.get(...args)),
        getRange: (...args) => once('get', blobs.getRange(...args)),
        delete: (...args) => once('delete', blobs.delete(...args)),
        list: (...args) => once('list', blobs.list(...args)),
      },
    };
  }

  get units(): WalkedUnits {
    return this.#units;
  }

  #add(name: string, units: number): void {
    this.#units.set(name, (this.#units.get(name) ?? 0) + units);
  }

  #items(store: ItemStore, table: 'journal' | 'state'): ItemStore {
    const sizeOf = (pk: string, sk: string) =>
      bytesOf(this.#contents()[table].filter((item) => item.pk === pk && item.sk === sk));
    const written = async <T>(pk: string, sk: string, call: () => Promise<T>): Promise<T> => {
      const before = sizeOf(pk, sk);
      const outcome = await call();
      this.#add(`${table} write`, kilobytes(Math.max(before, sizeOf(pk, sk))));
      return outcome;
    };
    const read = (bytes: number, consistent: boolean) => {
      const halves = Math.ceil((kilobytes(bytes) || 1) / 4);
      this.#add(`${table} read`, consistent ? halves : halves / 2);
    };
    return {
      now: () => store.now(),
      get: async (pk, sk, consistent) => {
        read(sizeOf(pk, sk), consistent);
        return store.get(pk, sk, consistent);
      },
      query: async (request) => {
        const { pk, from = '', to, limit, reverse = false } = request;
        const inRange = this.#contents()[table].filter(
          (item) => item.pk === pk && item.sk >= from && (to === undefined || item.sk < to),
        );
        inRange.sort((a, b) => (a.sk < b.sk !== reverse ? -1 : 1));
        read(bytesOf(inRange.slice(0, limit)), request.consistent);
        return store.query(request);
      },
      put: (item, condition, options) => written(item.pk, item.sk, () => store.put(item, condition, options)),
      delete: (pk, sk, version, options) => written(pk, sk, () => store.delete(pk, sk, version, options)),
    };
  }
}

/** Keys, nonce, body and 32 bytes of names and version: DynamoDB's size of an item. */
function bytesOf(items: readonly Item[]): number {
  return items
    .flatMap(({ pk, sk, nonce, body }) => [
      Buffer.from(pk).length,
      Buffer.from(sk).length,
      nonce.length,
      body.length,
      32,
    ])
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** KB that are begun, at least 1. */
function kilobytes(bytes: number): number {
  let count = 1;
  while (count * 1024 < bytes) count++;
  return count;
}

/** What a meter has counted, by the same names. */
export function meteredUnits(meter: CostMeter): WalkedUnits {
  const found = new Map<string, number>();
  for (const [cause, units] of meter.byCause()) {
    const isBlob = ['WAL objects', 'segments', 'checkpoint objects'].includes(cause);
    const place = cause === 'entries' ? 'journal' : isBlob ? 'blobs' : 'state';
    for (const [unit, count] of Object.entries(units)) {
      if (count > 0) found.set(`${place} ${unit}`, (found.get(`${place} ${unit}`) ?? 0) + count);
    }
  }
  return found;
}
