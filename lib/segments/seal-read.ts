import { MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import type { BatchMeta, MarkersEntry, RecordsEntry } from '../journal/entry.ts';
import type { CachedEntry } from '../journal/entry-cache.ts';
import { decodeItem, type Journal } from '../journal/journal.ts';
import { readPayload } from '../journal/read.ts';
import type { AbortedRange } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { BATCH_OVERHEAD_BYTES, computeCrc, readBatchHeader } from '../records/batch.ts';
import { CorruptRecordError } from '../records/error.ts';
import { entryPk, entrySk, slotOf } from '../storage/items/journal-entry.ts';
import type { FoundReplace } from './repair-items.ts';
import { batchesOf, type DueSpan, SealSpan, type SpanBounds } from './seal-span.ts';

/** Ranges of WAL objects that one seal reads at the same time. */
const PAYLOADS_AT_ONCE = 16;

/** Entries of one query; a page of the store has some 5,000 of the smallest. */
const PAGE_ENTRIES_MAX = 8_192;

/** What a seal writes of one partition. */
export interface SpanLog {
  readonly partition: number;
  /** The offsets [baseOffset, nextOffset) that the part stands for. */
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /**
   * The batches that do not lie wholly below the log start, with final offsets and leader epochs. May
   * be none.
   */
  readonly batches: readonly Buffer[];
  /** Bytes of the others. */
  readonly leftOutBytes: number;
  /** The aborted transactions whose marker lies in the part, in order of the markers. */
  readonly aborted: readonly AbortedRange[];
}

export interface ReadSpan {
  readonly kind: 'read';
  readonly span: SealSpan;
  /** One for each partition with batches in the span, by partition, ascending. */
  readonly logs: readonly SpanLog[];
  /** The `replace` entries of the span. */
  readonly replaces: readonly FoundReplace[];
}

/** Stored bytes cannot be read. They stay as they are; `message` names the object and the batch. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly message: string;
}

/** A batch to write, and the entry that has it. */
interface KeptBatch {
  readonly meta: BatchMeta;
  readonly of: PayloadToRead;
}

interface PayloadToRead {
  readonly seq: number;
  readonly entry: RecordsEntry | MarkersEntry;
  payload: Buffer | undefined;
}

interface PlannedLog {
  readonly batches: KeptBatch[];
  leftOutBytes: number;
}

interface Plan {
  /** By partition. */
  readonly logs: ReadonlyMap<number, PlannedLog>;
  readonly payloads: readonly PayloadToRead[];
}

/**
 * Reads the entries of a due span, up to the bounds, and the batches that they name. The view must
 * include the span, and no slot of it may be sealed. Every batch is checked against its CRC-32C,
 * because the original is deleted later. Undefined if `isLate` became true. Throws
 * StoreUnavailableError.
 */
export async function readSpan(
  journal: Journal,
  due: DueSpan,
  bounds: SpanBounds,
  isLate: () => boolean,
): Promise<ReadSpan | Unreadable | undefined> {
  try {
    const span = new SealSpan(due.fromSeq, bounds);
    const entries = await readEntries(journal, due, span, isLate);
    if (entries === undefined) return undefined;
    const plan = planOf(journal, entries);
    await each({ atOnce: PAYLOADS_AT_ONCE }, plan.payloads, async (one) => {
      if (!isLate()) await load(journal, one);
    });
    if (isLate()) return undefined;
    const replaces = entries.flatMap(({ seq, entry }) => (entry.kind === 'replace' ? [{ seq, entry }] : []));
    return { kind: 'read', span, logs: await logsOf(journal, span, plan), replaces };
  } catch (error) {
    if (error instanceof MalformedBytesError) return { kind: 'unreadable', message: error.message };
    throw error;
  }
}

async function readEntries(
  journal: Journal,
  { fromSeq, toSeq }: DueSpan,
  span: SealSpan,
  isLate: () => boolean,
): Promise<CachedEntry[] | undefined> {
  const taken: CachedEntry[] = [];
  for (let seq = fromSeq; seq <= toSeq; ) {
    if (isLate()) return undefined;
    for (const cached of await readPage(journal, seq, toSeq)) {
      if (!span.take(cached.entry)) return taken;
      // What other control entries say is in the view.
      if (batchesOf(cached.entry).length > 0 || cached.entry.kind === 'replace') taken.push(cached);
      seq = cached.seq + 1;
    }
  }
  return taken;
}

/**
 * Entries from slot `seq` on, at least one. Those in memory are used, but what is read is not
 * cached: it would push out the newest entries, which consumers read.
 */
async function readPage({ id, env }: Journal, seq: number, toSeq: number): Promise<CachedEntry[]> {
  const known: CachedEntry[] = [];
  for (let at = seq; at <= toSeq; at++) {
    const cached = env.cache.peek(id, at);
    if (cached === undefined) break;
    known.push(cached);
  }
  if (known.length > 0) return known;
  // Up to the next one in memory, which may have its payload.
  let end = seq + 1;
  while (end <= toSeq && end < seq + PAGE_ENTRIES_MAX && env.cache.peek(id, end) === undefined) end++;
  const range = { pk: entryPk(id), from: entrySk(seq), to: entrySk(end) };
  for (const consistent of [false, true]) {
    const { items } = await env.stores.journal.query({ ...range, consistent });
    // A page that lags behind can miss entries. Only those without a gap before them count.
    const whole = items.findIndex(({ sk }, index) => slotOf(sk) !== seq + index);
    const found = whole === -1 ? items : items.slice(0, whole);
    if (found.length > 0) return found.map(decodeItem);
  }
  throw new MalformedBytesError(`slot ${seq} of journal ${id} is missing`);
}

/**
 * What to write of each partition. A batch that lies wholly below the log start is left out and its
 * payload is not read.
 */
function planOf({ view }: Journal, entries: readonly CachedEntry[]): Plan {
  const logs = new Map<number, PlannedLog>();
  const payloads: PayloadToRead[] = [];
  for (const { seq, entry, payload } of entries) {
    if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
    const of: PayloadToRead = { seq, entry, payload };
    let isNeeded = false;
    for (const meta of entry.batches) {
      let log = logs.get(meta.partition);
      if (log === undefined) {
        log = { batches: [], leftOutBytes: 0 };
        logs.set(meta.partition, log);
      }
      const logStartOffset = view.partitions.get(meta.partition)?.logStartOffset ?? 0;
      if (meta.baseOffset + meta.lastOffsetDelta < logStartOffset) {
        log.leftOutBytes += meta.size;
        continue;
      }
      log.batches.push({ meta, of });
      isNeeded = true;
    }
    if (isNeeded) payloads.push(of);
  }
  return { logs, payloads };
}

async function load(journal: Journal, one: PayloadToRead): Promise<void> {
  if (one.payload !== undefined) return;
  const read = await readPayload(journal, one.entry);
  if (read.kind === 'missing') {
    throw new MalformedBytesError(`${read.message}; slot ${one.seq} of journal ${journal.id} names it`);
  }
  one.payload = read.bytes;
}

async function logsOf(journal: Journal, span: SealSpan, { logs }: Plan): Promise<SpanLog[]> {
  const read: SpanLog[] = [];
  for (const partition of [...logs.keys()].sort((a, b) => a - b)) {
    const { baseOffset, nextOffset } = span.partitions.get(partition)!;
    const bytes: Buffer[] = [];
    const { batches, leftOutBytes } = logs.get(partition)!;
    for (const batch of batches) {
      await journal.env.turns.turn();
      bytes.push(checkedBytes(journal, batch));
    }
    const aborted = journal.view.partitions.get(partition)?.aborted ?? [];
    read.push({
      partition,
      baseOffset,
      nextOffset,
      batches: bytes,
      leftOutBytes,
      aborted: aborted.filter(({ lastOffset }) => lastOffset >= baseOffset && lastOffset < nextOffset),
    });
  }
  return read;
}

/** The bytes of a batch; a view, not a copy. Throws MalformedBytesError if they are not those of the entry. */
function checkedBytes(journal: Journal, { meta, of: { seq, entry, payload } }: KeptBatch): Buffer {
  const bytes = payload!.subarray(meta.position, meta.position + meta.size);
  const problem = problemOf(meta, bytes);
  if (problem === undefined) return bytes;
  const place = entry.payload.kind === 'wal' ? `object ${entry.payload.key}` : 'the entry';
  throw new MalformedBytesError(
    `the batch at offset ${meta.baseOffset} of partition ${meta.partition} is damaged (${problem}) in ${place}; ` +
      `slot ${seq} of journal ${journal.id} names it`,
  );
}

function problemOf(meta: BatchMeta, bytes: Buffer): string | undefined {
  if (bytes.length !== meta.size || meta.size < BATCH_OVERHEAD_BYTES) return `it has ${bytes.length} bytes`;
  try {
    const header = readBatchHeader(bytes);
    if (header.sizeInBytes !== meta.size) return `its length is ${header.sizeInBytes}, expected ${meta.size}`;
    if (header.baseOffset !== meta.baseOffset) return `its base offset is ${header.baseOffset}`;
    if (header.lastOffsetDelta !== meta.lastOffsetDelta) return `its last offset delta is ${header.lastOffsetDelta}`;
    return header.crc === computeCrc(bytes) ? undefined : 'its checksum is wrong';
  } catch (error) {
    if (error instanceof CorruptRecordError) return error.message;
    throw error;
  }
}
