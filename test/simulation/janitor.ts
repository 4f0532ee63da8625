import type { Entry } from '../../lib/journal/entry.ts';
import { decodeEntry } from '../../lib/journal/entry.ts';
import { CHECKPOINT_SK, checkpointPk } from '../../lib/storage/items/checkpoint.ts';
import { entryPk, slotOf } from '../../lib/storage/items/journal-entry.ts';
import type { Item, Stores } from '../../lib/storage/ports.ts';
import type { World } from './world.ts';

const HOUR_MS = 60 * 60 * 1000;

/** The least that is allowed between the entry that makes others deletable and their deletion; ms. */
export const GRACE_MS = 24 * HOUR_MS;

/** An object is deleted this long after it stopped being named, or after its PUT if it never was; ms. */
const OBJECT_GRACE_MS = HOUR_MS;

const ALL_KEYS = 1_000_000;

/**
 * Deletes old entries: ascending, never the newest, never beyond the last checkpoint, and only a day after the log start entry
 * that covers all of their batches. Deletes WAL objects that nothing names.
 */
export class Janitor {
  readonly #world: World;
  readonly #stores: Stores;
  readonly #unnamedSince = new Map<string, number>();
  entriesDeleted = 0;
  objectsDeleted = 0;

  constructor(world: World) {
    this.#world = world;
    this.#stores = world.store.client({
      name: 'janitor',
      latency: () => ({ beforeMs: 0, afterMs: 0 }),
      faults: () => undefined,
    });
  }

  async sweep(): Promise<void> {
    this.#world.note('sweep');
    for (const id of this.#world.ledger.journals.keys()) await this.#trim(id);
    await this.#collect();
  }

  async #trim(id: string): Promise<void> {
    const { item: checkpoint } = await this.#stores.state.get(checkpointPk(id), CHECKPOINT_SK, true);
    if (checkpoint === undefined) return;
    const items = await this.#read(id);
    const entries = items.map((item) => decodeEntry(item.body));
    const before = this.#stores.journal.now() - GRACE_MS;
    const { starts, lastSeq } = oldStarts(items, entries, before);
    for (const [index, item] of items.slice(0, -1).entries()) {
      const seq = slotOf(item.sk);
      if (seq > checkpoint.version || seq >= lastSeq || !covered(entries[index]!, starts)) return;
      await this.#stores.journal.delete(item.pk, item.sk, item.version);
      this.entriesDeleted++;
    }
  }

  async #read(id: string): Promise<Item[]> {
    const items: Item[] = [];
    for (let from: string | undefined; ; ) {
      const page = await this.#stores.journal.query({
        pk: entryPk(id),
        consistent: true,
        ...(from === undefined ? {} : { from }),
      });
      items.push(...page.items);
      if (!page.more) return items;
      from = `${items.at(-1)!.sk}\0`;
    }
  }

  async #collect(): Promise<void> {
    const { ledger } = this.#world;
    const objects = await this.#stores.blobs.list('wal/', undefined, ALL_KEYS);
    const now = this.#stores.blobs.now();
    for (const { key, modified } of objects) {
      if (ledger.isNamed(key)) continue;
      const since = ledger.wasNamed(key) ? (this.#unnamedSince.get(key) ?? now) : modified;
      this.#unnamedSince.set(key, since);
      if (since + OBJECT_GRACE_MS > now) continue;
      await this.#stores.blobs.delete(key);
      this.objectsDeleted++;
    }
  }
}

/** The log starts that are old enough to delete by, and the last of their entries. */
function oldStarts(items: readonly Item[], entries: readonly Entry[], before: number) {
  const starts = new Map<number, number>();
  let lastSeq = -1;
  for (const [index, entry] of entries.entries()) {
    if (entry.kind !== 'logStart' || entry.time > before) continue;
    lastSeq = slotOf(items[index]!.sk);
    for (const { partition, offset } of entry.starts) {
      starts.set(partition, Math.max(starts.get(partition) ?? 0, offset));
    }
  }
  return { starts, lastSeq };
}

function covered(entry: Entry, starts: ReadonlyMap<number, number>): boolean {
  if (entry.kind !== 'records' && entry.kind !== 'markers') return true;
  return entry.batches.every((batch) => batch.baseOffset + batch.lastOffsetDelta < (starts.get(batch.partition) ?? 0));
}
