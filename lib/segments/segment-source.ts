import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { SegmentPart } from '../journal/segment-part.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import { type BlobStore, StoreUnavailableError } from '../storage/ports.ts';
import { decodeIndexBlock, type PartIndex } from './format/index-block.ts';
import { ObjectMissingError, ObjectRanges } from './object-ranges.ts';
import { FOUND_FOR_MS } from './segment-cache.ts';

/** A partition's segment: where it lies, and the object that holds it. */
export interface HistoryPart extends SegmentPart {
  readonly key: string;
  /** Largest batch timestamp of this segment and of all before it, ms; -1 without records. */
  readonly maxTimestampSoFar: number;
  /** As in its item (LiveSegment). */
  readonly abortsKnownTo?: Offset;
}

/** What the reader needs of the segment index (SegmentFinder). */
export interface HistoryIndex {
  /** The live segment that holds an offset; undefined if none does. */
  find(
    topicId: Uuid,
    partition: number,
    offset: Offset,
    options?: { readonly consistent?: boolean },
  ): Promise<HistoryPart | undefined>;
  /** Drops what is cached about the segment that holds an offset. */
  forget(topicId: Uuid, partition: number, offset: Offset): void;
  /**
   * The segments that hold the offsets from `from` on, upwards or downwards. One may hold offsets of
   * the one before it, which then counts. `next`: `from` of the next page, undefined after the last
   * one.
   */
  list(
    topicId: Uuid,
    partition: number,
    request: {
      readonly from: Offset;
      readonly order?: 'ascending' | 'descending';
      readonly limit?: number;
      readonly consistent?: boolean;
    },
  ): Promise<{ readonly segments: readonly HistoryPart[]; readonly next: Offset | undefined }>;
  /** The first segment with offsets in [from, to) and a batch timestamp of `timestamp` (ms) or later. */
  firstByTime(
    topicId: Uuid,
    partition: number,
    timestamp: number,
    from: Offset,
    to: Offset,
  ): Promise<HistoryPart | undefined>;
}

/** No segment item covers an offset of the history: the offset may lie below a new log start. */
export class SegmentMissingError extends StoreUnavailableError {}

/** A position in a segment: the next batch begins there, or the segment ends. */
export interface Place {
  readonly part: HistoryPart;
  /** In the object. */
  readonly at: number;
}

/**
 * Where a reader stopped. `place` is undefined if it stopped at the end of a segment.
 */
export interface Stopped {
  readonly place: Place | undefined;
  /** By Clock.monotonic(): the segment counts for as long as one that was found then; ms. */
  readonly at: number;
}

/** The share of the capacity for indexes: they take about a hundredth of their logs' bytes. */
const INDEX_SHARE = 0.125;

/**
 * Readers that stopped, remembered over all partitions. Without one a reader only looks its position
 * up again.
 */
const STOPPED_MAX = 4_096;

/** What all readers of a process share: the segment index, and caches bounded in bytes. */
export class SegmentSource {
  readonly ranges: ObjectRanges;
  readonly index: HistoryIndex;
  readonly #blobs: Pick<BlobStore, 'getRange'>;
  readonly #clock: Clock;
  readonly #indexes: LRUCache<string, { readonly decoded: PartIndex; readonly bytes: number }>;
  readonly #indexReads = new SharedReads<string, PartIndex>();
  readonly #stopped = boundedMap<string, Stopped>(STOPPED_MAX);

  constructor(index: HistoryIndex, blobs: Pick<BlobStore, 'getRange'>, clock: Clock, capacityBytes: number) {
    this.index = index;
    this.#blobs = blobs;
    this.#clock = clock;
    this.ranges = new ObjectRanges(blobs, capacityBytes * (1 - INDEX_SHARE));
    this.#indexes = new LRUCache({
      maxSize: Math.max(1, Math.floor(capacityBytes * INDEX_SHARE)),
      sizeCalculation: ({ bytes }) => bytes,
    });
  }

  /**
   * The segment that covers an offset of the history. `consistent` asks the store and no cache.
   * Throws StoreUnavailableError, MalformedBytesError and SegmentMissingError.
   */
  async partAt(topicId: Uuid, partition: number, offset: Offset, consistent = false): Promise<HistoryPart> {
    const part = await this.index.find(topicId, partition, offset, { consistent });
    if (part !== undefined && part.baseOffset <= offset && offset < part.nextOffset) return part;
    throw new SegmentMissingError(`no segment holds offset ${offset} of partition ${topicId}/${partition}`);
  }

  /** The indexes of a segment if they are in memory. */
  peekIndexes(part: HistoryPart): PartIndex | undefined {
    return this.#indexes.get(indexId(part))?.decoded;
  }

  /**
   * The indexes of a segment, by one GET. Throws StoreUnavailableError, ObjectMissingError and
   * MalformedBytesError.
   */
  async indexesOf(part: HistoryPart): Promise<PartIndex> {
    return this.peekIndexes(part) ?? this.#indexReads.join(indexId(part), () => this.#readIndexes(part));
  }

  async #readIndexes(part: HistoryPart): Promise<PartIndex> {
    const { key } = part;
    const { start, length } = part.index;
    const found = length === 0 ? NO_BYTES : await this.#blobs.getRange(key, start, start + length);
    if (found.kind === 'missing') throw new ObjectMissingError(key);
    const decoded = decodeIndexBlock(key, part, found.bytes);
    const bytes = INDEX_OVERHEAD_BYTES + length + decoded.aborted.length * ABORTED_OVERHEAD_BYTES;
    this.#indexes.set(indexId(part), { decoded, bytes });
    return decoded;
  }

  /** Drops all that is cached of a segment whose object is missing. */
  forget(topicId: Uuid, part: HistoryPart): void {
    this.index.forget(topicId, part.partition, part.baseOffset);
    this.#indexes.delete(indexId(part));
    this.ranges.forget(part.key);
  }

  /** Where a reader stopped whose next offset is `offset`. */
  stoppedAt(topicId: Uuid, partition: number, offset: Offset): Stopped | undefined {
    const stopped = this.#stopped.get(`${topicId}/${partition}/${offset}`);
    if (stopped === undefined || this.#clock.monotonic() - stopped.at <= FOUND_FOR_MS) return stopped;
    return { place: undefined, at: stopped.at };
  }

  /** `since`: when the segment of the place was found, if the reader went on in it. */
  stop(topicId: Uuid, partition: number, offset: Offset, place: Place | undefined, since: number | undefined): void {
    const at = since ?? this.#clock.monotonic();
    this.#stopped.set(`${topicId}/${partition}/${offset}`, { place, at });
  }
}

const NO_BYTES = { kind: 'found', bytes: Buffer.alloc(0) } as const;

/** Memory of decoded indexes beside their bytes, an estimate: in all, and per transaction; bytes. */
const INDEX_OVERHEAD_BYTES = 1_024;
const ABORTED_OVERHEAD_BYTES = 96;

function indexId({ key, index }: HistoryPart): string {
  return `${key}:${index.start}`;
}
