import type { Offset } from '../core/offset.ts';
import type { BatchMeta, Entry } from '../journal/entry.ts';
import type { JournalView } from '../journal/view.ts';
import type { StoreTime } from '../storage/ports.ts';

export interface SealLimits {
  /**
   * A seal is due once this many bytes of batches are not sealed. Also the maximum bytes of batches
   * in one set; a single entry may exceed it.
   */
  readonly sealBytes: number;
  /** A seal is due once the first batch that is not sealed is this old; ms. */
  readonly sealMs: number;
  /** The topic's `index.interval.bytes`; Kafka's default if left out. */
  readonly indexIntervalBytes?: number;
}

/** Bounds of one span. They bound the memory of a seal and the size of its entry. */
export interface SpanBounds {
  readonly bytes: number;
  readonly entries: number;
  readonly batches: number;
  readonly parts: number;
}

/** Entries of a span: about 20 MB of decoded entries, without their payloads. */
const SPAN_ENTRIES_MAX = 20_000;

/** Batches of a span: about 30 MB of positions and buffers. */
const SPAN_BATCHES_MAX = 100_000;

/**
 * Parts of a seal entry. The numbers of one part take at most 80 bytes, so that 4,000 parts stay 20 %
 * below the size limit of an item (MAX_ITEM_BYTES).
 */
const SPAN_PARTS_MAX = 4_000;

export function spanBounds({ sealBytes }: SealLimits): SpanBounds {
  return { bytes: sealBytes, entries: SPAN_ENTRIES_MAX, batches: SPAN_BATCHES_MAX, parts: SPAN_PARTS_MAX };
}

/** Kafka's indexes hold offsets relative to a part's base offset as signed 32-bit numbers. */
const PART_OFFSETS_MAX = 2 ** 31 - 1;

/** Slots that may be sealed. The span ends at `toSeq` or, at its bounds, before. */
export interface DueSpan {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/**
 * Whether a seal of the journal is due, and of which slots. Undefined: not due, or no batch is
 * unsealed. Pure.
 *
 * @param isForced seal whatever there is, however small or young
 */
export function decideSeal(
  view: JournalView,
  limits: SealLimits,
  now: StoreTime,
  isForced = false,
): DueSpan | undefined {
  // No entry may follow a close.
  if (view.closed || view.hotSince < 0) return undefined;
  const isDue = isForced || view.hotBytes >= limits.sealBytes || now - view.hotSince >= limits.sealMs;
  return isDue ? { fromSeq: view.sealedSeq + 1, toSeq: view.seq } : undefined;
}

/**
 * When the journal has to be looked at again: the store time at which a seal is due if nothing more
 * is appended; undefined if no batch is unsealed. Pure; the same view gives the same time.
 */
export function nextLookAt(view: JournalView, limits: SealLimits): StoreTime | undefined {
  if (view.closed || view.hotSince < 0) return undefined;
  return view.hotBytes >= limits.sealBytes ? view.hotSince : view.hotSince + limits.sealMs;
}

/** One partition's batches in a span. */
interface SpanPartition {
  readonly baseOffset: Offset;
  /** The offset after the last batch. */
  nextOffset: Offset;
}

/**
 * Collects the entries of a span, slot by slot, until a bound is reached. Every kind of entry may lie
 * in a span: what a control entry says is in the view and its checkpoint. A span holds at least one
 * batch before the bounds apply, so that sealing always advances.
 */
export class SealSpan {
  readonly fromSeq: number;
  readonly #bounds: SpanBounds;
  readonly #partitions = new Map<number, SpanPartition>();
  #toSeq: number;
  #toTime: StoreTime = 0;
  #entries = 0;
  #batches = 0;
  #bytes = 0;

  constructor(fromSeq: number, bounds: SpanBounds) {
    this.fromSeq = fromSeq;
    this.#toSeq = fromSeq - 1;
    this.#bounds = bounds;
  }

  /** The last slot taken; `fromSeq - 1` before the first. */
  get toSeq(): number {
    return this.#toSeq;
  }

  /** The time of the entry in that slot. */
  get toTime(): StoreTime {
    return this.#toTime;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get batches(): number {
    return this.#batches;
  }

  /** By partition: the base offset of its first batch, and the offset after its last one. */
  get partitions(): ReadonlyMap<number, Readonly<SpanPartition>> {
    return this.#partitions;
  }

  /** Adds the entry of slot `toSeq + 1`. False, and no change, if it exceeds a bound. */
  take(entry: Entry): boolean {
    const batches = batchesOf(entry);
    if (this.#batches > 0 && !this.#hasRoom(batches)) return false;
    this.#toSeq += 1;
    this.#toTime = entry.time;
    this.#entries += 1;
    for (const { partition, baseOffset, lastOffsetDelta, size } of batches) {
      this.#batches += 1;
      this.#bytes += size;
      const nextOffset = baseOffset + lastOffsetDelta + 1;
      const known = this.#partitions.get(partition);
      if (known === undefined) this.#partitions.set(partition, { baseOffset, nextOffset });
      else known.nextOffset = nextOffset;
    }
    return true;
  }

  #hasRoom(batches: readonly BatchMeta[]): boolean {
    if (this.#entries >= this.#bounds.entries) return false;
    if (this.#batches + batches.length > this.#bounds.batches) return false;
    let bytes = this.#bytes;
    const added = new Set<number>();
    for (const { partition, baseOffset, lastOffsetDelta, size } of batches) {
      bytes += size;
      const known = this.#partitions.get(partition);
      if (known === undefined) added.add(partition);
      else if (baseOffset + lastOffsetDelta - known.baseOffset > PART_OFFSETS_MAX) return false;
    }
    return bytes <= this.#bounds.bytes && this.#partitions.size + added.size <= this.#bounds.parts;
  }
}

/** The batches of an entry; none for a control entry. */
export function batchesOf(entry: Entry): readonly BatchMeta[] {
  return entry.kind === 'records' || entry.kind === 'markers' ? entry.batches : [];
}
