import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { ChangeEnvironment } from '../kit/change-item.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { EpochStart } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { isSettledReplaced, type Removed, type RemoveLimits, removeSegments } from './remove-segments.ts';
import { SegmentFinder } from './segment-finder.ts';
import { SegmentItems } from './segment-items.ts';
import { type Replacement, writeReplace } from './write-replace.ts';
import { type AbortsKnownTo, type NamedSeal, readBack, writeSeal } from './write-seal.ts';

/**
 * Finds segments, and writes the segment items. All methods throw StoreUnavailableError, and
 * MalformedBytesError for an item that this program cannot read.
 */
export class SegmentIndex extends SegmentFinder {
  readonly #env: ChangeEnvironment;

  constructor(env: ChangeEnvironment) {
    super(env.state);
    this.#env = env;
  }

  /**
   * Writes the items of a seal's parts. After a crash, or by several processes at once, the same
   * call completes what is missing. The items of all earlier seals must be there (rule R15).
   *
   * @param confirmedAt store time of the strongly consistent read that showed the seal entry; the
   *   items are signed within an hour of it
   * @param epochsOf all leader epochs of a partition, ascending, as in its view
   * @param abortsKnownTo as in the view, after the seal entry
   */
  writeSeal(
    journal: JournalId,
    seal: NamedSeal,
    confirmedAt: StoreTime,
    epochsOf: (partition: number) => readonly EpochStart[],
    abortsKnownTo?: AbortsKnownTo,
  ): Promise<void> {
    return writeSeal(this.#env, journal, seal, confirmedAt, epochsOf, abortsKnownTo);
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
