import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import { type LiveSegment, segmentPk } from '../storage/items/segment.ts';
import type { ItemStore } from '../storage/ports.ts';
import { SegmentCache } from './segment-cache.ts';
import { holdsOffset, SegmentItems } from './segment-items.ts';
import { type ListRequest, listSegments, type SegmentPage } from './segment-list.ts';
import { firstByTime } from './segment-time.ts';

interface FindOptions {
  /** Asks the store, strongly consistent, and no cache. Default: false. */
  readonly consistent?: boolean;
}

/**
 * Finds the sealed records of the partitions by the segment items of the state table. All methods
 * throw StoreUnavailableError, and MalformedBytesError for an item that this program cannot read.
 */
export class SegmentFinder {
  readonly #state: ItemStore;
  readonly #cache = new SegmentCache();

  constructor(state: ItemStore) {
    this.#state = state;
  }

  /**
   * The segment that holds an offset of a partition; undefined if none does. Costs one query of one
   * item, or nothing if the segment was found within the last minute.
   *
   * The answer may have been replaced or removed since, also in the store. Its object stays
   * readable for the grace period of rule R5 and has the same records, those that a compaction
   * removed included, so that it may be read. A reader that gets a 404 for the object calls
   * `forget` and finds the segment again, `consistent`.
   */
  async find(
    topicId: Uuid,
    partition: number,
    offset: Offset,
    { consistent = false }: FindOptions = {},
  ): Promise<LiveSegment | undefined> {
    const pk = segmentPk(topicId, partition);
    const known = consistent ? undefined : this.#cache.get(pk, offset, this.#state.now());
    if (known !== undefined) return known;
    const items = this.#items(topicId, partition);
    let found = await items.lastLive(offset, consistent);
    // An eventually consistent read may not show the newest segments yet.
    if (!consistent && !holdsOffset(found, offset)) found = await items.lastLive(offset, true);
    if (found === undefined || !holdsOffset(found, offset)) return undefined;
    this.#cache.set(pk, found, this.#state.now());
    return found;
  }

  /** The object of the segment that holds the offset is gone: the cache drops the segment. */
  forget(topicId: Uuid, partition: number, offset: Offset): void {
    this.#cache.delete(segmentPk(topicId, partition), offset);
  }

  /**
   * The segments of a partition from an offset on, upwards or downwards, in pages. While a
   * replacement is written, neighbours may overlap: take each offset from the first one listed.
   */
  list(topicId: Uuid, partition: number, request: ListRequest): Promise<SegmentPage> {
    return listSegments(this.#items(topicId, partition), request);
  }

  /**
   * The first segment with offsets in [from, to) whose largest batch timestamp is at least
   * `timestamp` (ms): it has the first record at or after that time, if that record is not below
   * `from`. O(log n) queries of one item.
   */
  firstByTime(
    topicId: Uuid,
    partition: number,
    timestamp: number,
    from: Offset,
    to: Offset,
  ): Promise<LiveSegment | undefined> {
    return firstByTime(this.#items(topicId, partition), timestamp, from, to);
  }

  #items(topicId: Uuid, partition: number): SegmentItems {
    return new SegmentItems(this.#state, topicId, partition);
  }
}
