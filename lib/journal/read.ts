import { assert } from '../core/assert.ts';
import { MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import { each } from '../kit/each.ts';
import { BatchField, LOG_OVERHEAD_BYTES } from '../records/batch.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { BatchSearch, EntriesGoneError, type FoundBatch } from './batch-search.ts';
import type { BatchMeta, MarkersEntry, RecordsEntry } from './entry.ts';
import type { CachedEntry } from './entry-cache.ts';
import type { Journal } from './journal.ts';
import { patchBatches } from './patch-batches.ts';
import type { PartitionView } from './view.ts';
import { rangeOfStretch, stretchIn } from './wal-object.ts';

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

/** WAL objects that one call reads at the same time: one after the other, small ones would take longer than clients wait. */
const LOADS_MAX = 16;

/**
 * Reads batches of one partition in order, from memory where they are cached. The view must have reached `to`. What is
 * found may be less than what the limits allow, but not nothing where there is something.
 * Throws StoreUnavailableError and EntriesGoneError.
 */
export async function readBatches(journal: Journal, range: ReadRange): Promise<StoredBatch[]> {
  if (range.from >= range.to) return [];
  const search = new BatchSearch(journal, range);
  let state = search.advance(range.maxBytes, range.atLeastOne);
  while (state === 'page') {
    await search.loadPage();
    state = search.advance(range.maxBytes, range.atLeastOne);
  }
  if (state === 'gone' && search.found.length === 0) {
    throw new EntriesGoneError(`offset ${range.from} of partition ${range.partition} of journal ${journal.id} is gone`);
  }
  const located = search.found.map((found) => ({ journal, found }));
  const unread = await loadPayloads(located);
  return located.map((one) => {
    const error = unread.get(one.found.cached);
    if (error !== undefined) throw error;
    return { meta: one.found.meta, bytes: bytesOf(one.found) };
  });
}

/** A batch that a search has found, and where. */
export interface LocatedBatch {
  readonly journal: Journal;
  readonly found: FoundBatch;
}

/** Whether an error says that something stored cannot be read, now or by this program, rather than that there is a bug. */
export function isUnreadable(error: unknown): error is StoreUnavailableError | MalformedBytesError {
  return error instanceof StoreUnavailableError || error instanceof MalformedBytesError;
}

/**
 * Reads the bytes of batches that are not in memory, each object's stretch once. Resolves to those that could not be read,
 * each with the reason.
 */
export async function loadPayloads(batches: readonly LocatedBatch[]): Promise<ReadonlyMap<CachedEntry, Error>> {
  const wanted = new Map<CachedEntry, LocatedBatch>();
  for (const one of batches) if (one.found.cached.payload === undefined) wanted.set(one.found.cached, one);
  const unread = new Map<CachedEntry, Error>();
  await each({ atOnce: LOADS_MAX }, [...wanted.values()], async ({ journal, found: { cached, entry } }) => {
    try {
      cached.payload = await loadPayload(journal, cached, entry);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unread.set(cached, error);
    }
  });
  return unread;
}

/** The bytes of a batch whose payload is loaded; a view of it, not a copy. */
export function bytesOf({ meta, cached }: FoundBatch): Buffer {
  const { payload } = cached;
  assert(payload !== undefined, 'a batch is asked for before its payload was loaded');
  return payload.subarray(meta.position, meta.position + meta.size);
}

/**
 * Gets an entry's stretch of its WAL object; calls at the same time share the read. Throws StoreUnavailableError, and
 * MalformedBytesError if the object is damaged or not the one that the entry means.
 */
function loadPayload(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  cached.loading ??= loadObject(journal, cached, entry).finally(() => {
    cached.loading = undefined;
  });
  return cached.loading;
}

async function loadObject(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  if (entry.payload.kind === 'inline') return entry.payload.bytes;
  const { key } = entry.payload;
  const row = { journal: journal.id, start: entry.payload.start, length: entry.payload.length };
  const { from, to } = rangeOfStretch(key, row);
  const range = await journal.env.stores.blobs.getRange(key, from, to);
  if (range.kind === 'missing' || range.bytes.length !== to - from) {
    throw new StoreUnavailableError(`object ${key} is missing or short`);
  }
  const bytes = stretchIn(key, row, range.bytes);
  for (const meta of entry.batches) {
    checkBatch(key, meta, bytes);
    const partition = journal.view.partitions.get(meta.partition);
    patchBatches(bytes, [meta], partition === undefined ? 0 : epochAt(partition, meta.baseOffset));
  }
  cached.payload = bytes;
  journal.env.cache.grown(journal.id, cached);
  return bytes;
}

/** A client finds the next batch by the length of this one: a wrong length would make all that follows unreadable. */
function checkBatch(key: string, { position, size, baseOffset }: BatchMeta, bytes: Buffer): void {
  if (size < LOG_OVERHEAD_BYTES || bytes.readInt32BE(position + BatchField.length) !== size - LOG_OVERHEAD_BYTES) {
    throw new MalformedBytesError(`object ${key} does not hold the batch of offset ${baseOffset}`);
  }
}

/** The leader epoch under which an offset was appended. */
function epochAt(partition: PartitionView, offset: Offset): number {
  return partition.epochs.findLast((start) => start.startOffset <= offset)?.epoch ?? 0;
}
