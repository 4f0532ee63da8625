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

/** The slots between were deleted: what was asked for is no longer in the journal. */
export class EntriesGoneError extends Error {
  override readonly name = 'EntriesGoneError';
}

/**
 * Reads batches of one partition in order, from memory where they are cached. The view must have reached `to`.
 * Throws StoreUnavailableError and EntriesGoneError.
 */
export async function readBatches(journal: Journal, range: ReadRange): Promise<StoredBatch[]> {
  const batches: StoredBatch[] = [];
  const partition = journal.view.partitions.get(range.partition);
  if (partition === undefined || range.from >= range.to) return batches;
  let size = 0;
  let seq = journal.places.get(range.partition, range.from) ?? firstSlot(partition, range.from);
  for (const end = journal.view.seq; seq <= end; seq++) {
    const cached = journal.env.cache.get(journal.id, seq) ?? (await readSlots(journal, seq, end));
    const { entry } = cached;
    if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
    for (const meta of entry.batches) {
      if (meta.partition !== range.partition || meta.baseOffset + meta.lastOffsetDelta < range.from) continue;
      const full = size + meta.size > range.maxBytes && !(batches.length === 0 && range.atLeastOne);
      if (full || meta.baseOffset >= range.to) {
        journal.places.set(range.partition, meta.baseOffset, seq);
        return batches;
      }
      const payload = cached.payload ?? (await loadPayload(journal, cached, entry));
      batches.push({ meta, bytes: payload.subarray(meta.position, meta.position + meta.size) });
      size += meta.size;
    }
  }
  const last = batches.at(-1)?.meta;
  if (last !== undefined) journal.places.set(range.partition, last.baseOffset + last.lastOffsetDelta + 1, seq);
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

/** Reads a page of entries from slot `seq` on into the cache; gives the first. */
async function readSlots(journal: Journal, seq: number, last: number): Promise<CachedEntry> {
  const range = { pk: entryPk(journal.id), from: entrySk(seq), to: entrySk(last + 1) };
  let page = await journal.env.stores.journal.query({ ...range, consistent: false });
  if (!startsAt(page.items, seq)) page = await journal.env.stores.journal.query({ ...range, consistent: true });
  if (!startsAt(page.items, seq)) throw new EntriesGoneError(`slot ${seq} of journal ${journal.id} is gone`);
  let first: CachedEntry | undefined;
  let expected = seq;
  for (const item of page.items) {
    if (slotOf(item.sk) !== expected++) break;
    const cached = decodeItem(item);
    journal.env.cache.add(journal.id, cached);
    first ??= cached;
  }
  return first!;
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
