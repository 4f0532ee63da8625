import type { Offset } from '../core/offset.ts';
import { entryPk, entrySk, slotOf } from '../storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { patchBatches } from './append.ts';
import type { BatchMeta, MarkersEntry, RecordsEntry } from './entry.ts';
import type { CachedEntry } from './entry-cache.ts';
import { decodeItem, type Journal } from './journal.ts';
import type { PartitionView } from './view.ts';

/** A batch as a consumer gets it. */
export interface StoredBatch {
  readonly meta: BatchMeta;
  readonly bytes: Buffer;
}

export interface ReadRange {
  readonly partition: number;
  /** The first batch is the one that holds this offset, whole. */
  readonly from: Offset;
  /** Batches that start at or after it are not read. */
  readonly to: Offset;
  /** Reading stops before the batch that would exceed it; ... */
  readonly maxBytes: number;
  /** ... except the first, if this is set. */
  readonly atLeastOne: boolean;
}

/**
 * Pages of entries that one call reads at most once it has something to give: a partition that shares its journal with
 * busier ones has its batches far apart.
 */
const PAGES_MAX = 8;

/** WAL objects that one call reads at the same time: one after the other, small ones would take longer than clients wait. */
const LOADS_MAX = 16;

/** The slots between were deleted: what was asked for is no longer in the journal. */
export class EntriesGoneError extends Error {
  override readonly name = 'EntriesGoneError';
}

/**
 * Reads batches of one partition in order, from memory where they are cached. The view must have reached `to`. What is
 * found may be less than what the limits allow, but not nothing where there is something.
 * Throws StoreUnavailableError and EntriesGoneError.
 */
export async function readBatches(journal: Journal, range: ReadRange): Promise<StoredBatch[]> {
  const found: FoundBatch[] = [];
  const partition = journal.view.partitions.get(range.partition);
  if (partition === undefined || range.from >= range.to) return [];
  let size = 0;
  let pages = 0;
  let next = range.from;
  // The index leads past stretches that are other partitions' alone, where a place may be from long before.
  let seq = Math.max(journal.places.get(range.partition, next) ?? 0, firstSlot(partition, next));
  for (
    const end = journal.view.seq;
    seq <= end && next < range.to;
    seq = Math.max(seq + 1, firstSlot(partition, next))
  ) {
    let cached = journal.env.cache.get(journal.id, seq);
    if (cached === undefined) {
      if (pages >= PAGES_MAX && found.length > 0) break;
      pages += 1;
      cached = await readSlots(journal, seq, end);
      seq = cached.seq;
    }
    const { entry } = cached;
    if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
    for (const meta of entry.batches) {
      if (meta.partition !== range.partition || meta.baseOffset + meta.lastOffsetDelta < range.from) continue;
      const full = size + meta.size > range.maxBytes && !(found.length === 0 && range.atLeastOne);
      if (full || meta.baseOffset >= range.to) {
        journal.places.set(range.partition, meta.baseOffset, seq);
        return loadBatches(journal, found);
      }
      // What lies between was deleted, or the index was moved on with the log start: nothing is passed over.
      if (meta.baseOffset > next) {
        if (found.length > 0) return loadBatches(journal, found);
        throw new EntriesGoneError(`offset ${next} of partition ${range.partition} of journal ${journal.id} is gone`);
      }
      found.push({ meta, cached, entry });
      size += meta.size;
      next = meta.baseOffset + meta.lastOffsetDelta + 1;
    }
  }
  if (found.length > 0) journal.places.set(range.partition, next, seq);
  return loadBatches(journal, found);
}

interface FoundBatch {
  readonly meta: BatchMeta;
  readonly cached: CachedEntry;
  readonly entry: RecordsEntry | MarkersEntry;
}

/** The batches with their bytes, which are read where they are not in memory. */
async function loadBatches(journal: Journal, found: readonly FoundBatch[]): Promise<StoredBatch[]> {
  const batches: StoredBatch[] = [];
  for (let start = 0; start < found.length; start += LOADS_MAX) {
    const loaded = found.slice(start, start + LOADS_MAX).map(async ({ meta, cached, entry }) => {
      const payload = cached.payload ?? (await loadPayload(journal, cached, entry));
      return { meta, bytes: payload.subarray(meta.position, meta.position + meta.size) };
    });
    batches.push(...(await Promise.all(loaded)));
  }
  return batches;
}

/** A slot at or before the one that holds `offset`, as near as the index knows. */
function firstSlot(partition: PartitionView, offset: Offset): number {
  const rows =
    (partition.recent[0]?.baseOffset ?? Number.POSITIVE_INFINITY) <= offset ? partition.recent : partition.blocks;
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (rows[middle]!.baseOffset <= offset) low = middle;
    else high = middle - 1;
  }
  return rows[low]?.seq ?? partition.recent[0]?.seq ?? 0;
}

/**
 * Reads a page of entries from slot `seq` on into the cache; gives the first. That one is in a later slot where those before
 * it were deleted: an index that leads to the neighbourhood may lead below the log start.
 */
async function readSlots(journal: Journal, seq: number, last: number): Promise<CachedEntry> {
  const range = { pk: entryPk(journal.id), from: entrySk(seq), to: entrySk(last + 1) };
  let page = await journal.env.stores.journal.query({ ...range, consistent: false });
  if (!startsAt(page.items, seq)) page = await journal.env.stores.journal.query({ ...range, consistent: true });
  const first = page.items[0];
  if (first === undefined) throw new EntriesGoneError(`slots ${seq} to ${last} of journal ${journal.id} are gone`);
  let expected = slotOf(first.sk);
  const cached = journal.env.cache.add(journal.id, decodeItem(first));
  for (const item of page.items.slice(1)) {
    if (slotOf(item.sk) !== ++expected) break;
    journal.env.cache.add(journal.id, decodeItem(item));
  }
  return cached;
}

function startsAt(items: readonly { sk: string }[], seq: number): boolean {
  return items[0] !== undefined && slotOf(items[0].sk) === seq;
}

/** Gets an entry's stretch of its WAL object; those who ask for it at the same time share the read. */
function loadPayload(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  cached.loading ??= loadObject(journal, cached, entry).finally(() => {
    cached.loading = undefined;
  });
  return cached.loading;
}

async function loadObject(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  if (entry.payload.kind === 'inline') return entry.payload.bytes;
  const { key, start, length } = entry.payload;
  const range = await journal.env.stores.blobs.getRange(key, start, start + length);
  if (range.kind === 'missing' || range.bytes.length !== length) {
    throw new StoreUnavailableError(`object ${key} is missing or short`);
  }
  const bytes = range.bytes;
  for (const meta of entry.batches) {
    const partition = journal.view.partitions.get(meta.partition);
    patchBatches(bytes, [meta], partition === undefined ? 0 : epochAt(partition, meta.baseOffset));
  }
  cached.payload = bytes;
  journal.env.cache.grown(journal.id, cached);
  return bytes;
}

/** The leader epoch under which an offset was appended. */
function epochAt(partition: PartitionView, offset: Offset): number {
  return partition.epochs.findLast((start) => start.startOffset <= offset)?.epoch ?? 0;
}
