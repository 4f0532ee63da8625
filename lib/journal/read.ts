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

/** A batch as consumers receive it. */
export interface StoredBatch {
  readonly meta: BatchMeta;
  readonly bytes: Buffer;
}

export interface ReadRange {
  readonly partition: number;
  /** The first batch is the one that contains this offset. */
  readonly from: Offset;
  /** Exclusive: batches with this base offset or a higher one are not read. */
  readonly to: Offset;
  /** Maximum bytes: reading stops before the batch that would exceed it. */
  readonly maxBytes: number;
  /** Whether the first batch may exceed `maxBytes`. */
  readonly atLeastOne: boolean;
}

/**
 * WAL objects that one call reads at the same time. Read one by one, many small objects would take
 * longer than a client waits.
 */
const LOADS_MAX = 16;

/**
 * Reads batches of one partition in order; cached batches come from memory. The view must include
 * all offsets below `to`. The result may be smaller than the limits allow, but it is empty only if
 * the range has no batch that they allow. Throws StoreUnavailableError and EntriesGoneError.
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

/** A batch found by a search, and its journal. */
export interface LocatedBatch {
  readonly journal: Journal;
  readonly found: FoundBatch;
}

/**
 * Whether the error means that stored data cannot be read, now or by this program. Any other error
 * is a bug.
 */
export function isUnreadable(error: unknown): error is StoreUnavailableError | MalformedBytesError {
  return error instanceof StoreUnavailableError || error instanceof MalformedBytesError;
}

/**
 * Reads the payloads of batches that are not in memory, each range of an object once. Resolves to
 * the entries that could not be read, each with its error.
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

/** The bytes of a batch with a loaded payload; a view, not a copy. */
export function bytesOf({ meta, cached }: FoundBatch): Buffer {
  const { payload } = cached;
  assert(payload !== undefined, 'a batch is asked for before its payload was loaded');
  return payload.subarray(meta.position, meta.position + meta.size);
}

/**
 * Reads an entry's range of its WAL object. Concurrent calls share the read. Throws
 * StoreUnavailableError, and MalformedBytesError if the object is damaged or does not belong to the
 * entry.
 */
function loadPayload(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  cached.loading ??= loadObject(journal, cached, entry).finally(() => {
    cached.loading = undefined;
  });
  return cached.loading;
}

async function loadObject(journal: Journal, cached: CachedEntry, entry: RecordsEntry | MarkersEntry): Promise<Buffer> {
  const read = await readPayload(journal, entry);
  if (read.kind === 'missing') throw new StoreUnavailableError(read.message);
  if (entry.payload.kind === 'inline') return read.bytes;
  cached.payload = read.bytes;
  journal.env.cache.grown(journal.id, cached);
  return read.bytes;
}

export type PayloadRead =
  | { readonly kind: 'read'; readonly bytes: Buffer }
  /** The WAL object is not there, or shorter than the entry says. */
  | { readonly kind: 'missing'; readonly message: string };

/**
 * An entry's payload with offsets and leader epochs set, not cached: the inline bytes, or one ranged
 * read of its WAL object. Throws StoreUnavailableError if the store does not answer, and
 * MalformedBytesError if the object is damaged or does not belong to the entry.
 */
export async function readPayload(journal: Journal, entry: RecordsEntry | MarkersEntry): Promise<PayloadRead> {
  if (entry.payload.kind === 'inline') return { kind: 'read', bytes: entry.payload.bytes };
  const { key } = entry.payload;
  const row = { journal: journal.id, start: entry.payload.start, length: entry.payload.length };
  const { from, to } = rangeOfStretch(key, row);
  const range = await journal.env.stores.blobs.getRange(key, from, to);
  if (range.kind === 'missing' || range.bytes.length !== to - from) {
    return { kind: 'missing', message: `object ${key} is missing or short` };
  }
  const bytes = stretchIn(key, row, range.bytes);
  for (const meta of entry.batches) {
    checkBatch(key, meta, bytes);
    const partition = journal.view.partitions.get(meta.partition);
    patchBatches(bytes, [meta], partition === undefined ? 0 : epochAt(partition, meta.baseOffset));
  }
  return { kind: 'read', bytes };
}

/**
 * A client finds the next batch by the length of this one, so a wrong length would make the rest
 * unreadable.
 */
function checkBatch(key: string, { position, size, baseOffset }: BatchMeta, bytes: Buffer): void {
  if (size < LOG_OVERHEAD_BYTES || bytes.readInt32BE(position + BatchField.length) !== size - LOG_OVERHEAD_BYTES) {
    throw new MalformedBytesError(`object ${key} does not hold the batch of offset ${baseOffset}`);
  }
}

/** The leader epoch of an offset. */
function epochAt(partition: PartitionView, offset: Offset): number {
  return partition.epochs.findLast((start) => start.startOffset <= offset)?.epoch ?? 0;
}
