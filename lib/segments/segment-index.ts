import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { ChangeEnvironment } from '../kit/change-item.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { type EpochStart, type LiveSegment, segmentPk } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { isSettledReplaced, type Removed, type RemoveLimits, removeSegments } from './remove-segments.ts';
import { SegmentCache } from './segment-cache.ts';
import { holdsOffset, SegmentItems } from './segment-items.ts';
import { type ListRequest, listSegments, type SegmentPage } from './segment-list.ts';
import { firstByTime } from './segment-time.ts';
import { type Replacement, writeReplace } from './write-replace.ts';
import { type NamedSeal, readBack, writeSeal } from './write-seal.ts';

export interface FindOptions {
  /** Asks the store, strongly consistent, and no cache. Default: false. */
  readonly consistent?: boolean;
}

/**
 * Where the sealed records of the partitions are: the segment items of the state table. All methods
 * throw StoreUnavailableError, and MalformedBytesError for an item that this program cannot read.
 */
export class SegmentIndex {
  readonly #env: ChangeEnvironment;
  readonly #cache = new SegmentCache();

  constructor(env: ChangeEnvironment) {
    this.#env = env;
  }

  /**
   * The segment that holds an offset of a partition; undefined if none does. Costs one query of one
   * item, or nothing if the segment was found before.
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
    const known = consistent ? undefined : this.#cache.get(pk, offset);
    if (known !== undefined) return known;
    const items = this.#items(topicId, partition);
    let found = await items.lastLive(offset, consistent);
    // An eventually consistent read may not show the newest segments yet.
    if (!consistent && !holdsOffset(found, offset)) found = await items.lastLive(offset, true);
    if (found === undefined || !holdsOffset(found, offset)) return undefined;
    this.#cache.set(pk, found);
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

  /**
   * Writes the items of a seal's parts. After a crash, or by several processes at once, the same
   * call completes what is missing. The items of all earlier seals must be there (rule R15).
   *
   * @param confirmedAt store time of the strongly consistent read that showed the seal entry; the
   *   items are signed within an hour of it
   * @param epochsOf all leader epochs of a partition, ascending, as in its view
   */
  writeSeal(
    journal: JournalId,
    seal: NamedSeal,
    confirmedAt: StoreTime,
    epochsOf: (partition: number) => readonly EpochStart[],
  ): Promise<void> {
    return writeSeal(this.#env, journal, seal, confirmedAt, epochsOf);
  }

  /**
   * Whether the items of all parts of a seal are there, read strongly consistent (rule R15). A part
   * that was replaced since counts as there.
   */
  readBack(journal: JournalId, seal: NamedSeal): Promise<boolean> {
    return readBack(this.#env.state, journal, seal);
  }

  /**
   * Writes the items of new segments and marks those that they replace. At every moment `find` and
   * `list` give either the old or the new segments of an offset. After a crash the same call
   * completes what is missing. It writes nothing if retention has removed the segments since, and
   * leaves old segments that a later replacement needs.
   *
   * Old items at the base offset of a new one are overwritten, so that nothing names their objects
   * any more. The caller puts these objects on the due list before.
   *
   * The caller must not replace segments of the newest seal: until the next one, their items may be
   * written again.
   *
   * @param confirmedAt as for `writeSeal`
   */
  writeReplace(journal: JournalId, replacement: Replacement, confirmedAt: StoreTime): Promise<void> {
    return writeReplace(this.#env, journal, replacement, confirmedAt);
  }

  /**
   * Deletes the items of segments that lie wholly below a log start offset, ascending. Those that
   * were replaced less than 75 minutes ago stay until a later call.
   */
  remove(topicId: Uuid, partition: number, logStart: Offset, limits: RemoveLimits): Promise<Removed> {
    const items = this.#items(topicId, partition);
    return removeSegments(
      this.#env,
      items,
      { from: 0, to: logStart },
      (segment) =>
        segment.nextOffset <= logStart &&
        (segment.state === 'live' || isSettledReplaced(segment, this.#env.state.now())),
      limits,
    );
  }

  /**
   * Deletes the items of replaced segments with base offsets in [from, to), except those that were
   * replaced less than 75 minutes ago.
   */
  removeReplaced(topicId: Uuid, partition: number, from: Offset, to: Offset, limits: RemoveLimits): Promise<Removed> {
    const items = this.#items(topicId, partition);
    return removeSegments(
      this.#env,
      items,
      { from, to },
      (segment) => isSettledReplaced(segment, this.#env.state.now()),
      limits,
    );
  }

  #items(topicId: Uuid, partition: number): SegmentItems {
    return new SegmentItems(this.#env.state, topicId, partition);
  }
}
