import { newNonce } from '../core/nonce.ts';
import type { Offset } from '../core/offset.ts';
import type { Journal } from '../journal/journal.ts';
import { hasDeleteHorizon, readBatchHeader } from '../records/batch.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { partitionSegmentKey } from '../storage/items/segment-object.ts';
import type { AbortedAhead } from './aborted-ahead.ts';
import { type CleaningPass, cleanBatch } from './clean/clean-batch.ts';
import { SegmentSetBuilder } from './format/segment-set.ts';
import type { AbortedTransaction } from './format/transaction-index.ts';
import type { NewSegments } from './replace.ts';
import { atItsPlace, type PlacedBatch } from './segment-batches.ts';
import { epochsIn, epochsOf } from './write-segment.ts';

export interface GroupPass extends CleaningPass {
  /** Segments that end here or before are clean afterwards. */
  readonly to: Offset;
  readonly aborted: AbortedAhead;
  readonly indexIntervalBytes: number;
  readonly windows: (segment: LiveSegment) => AsyncIterable<readonly PlacedBatch[]>;
  readonly pause: () => Promise<void> | undefined;
}

export interface CleanedGroup {
  readonly made: NewSegments;
  /** True if the group is one clean segment of which everything stays. */
  readonly isUnchanged: boolean;
  readonly readBytes: number;
  readonly recordsRead: number;
  readonly recordsKept: number;
}

/**
 * Builds the object that takes the place of a group of segments: one segment, or two if the pass
 * ends inside of the group. Throws MalformedBytesError, SegmentGoneError and StoreUnavailableError.
 */
export async function cleanGroup(
  { id, env }: Journal,
  partition: number,
  old: readonly LiveSegment[],
  pass: GroupPass,
): Promise<CleanedGroup> {
  const baseOffset = old[0]!.baseOffset;
  const nextOffset = old.at(-1)!.nextOffset;
  const key = partitionSegmentKey(topicIdOf(id), partition, baseOffset, newNonce(env.random));
  const writer = new GroupWriter(key, partition, old, pass);
  const counts = { readBytes: 0, recordsRead: 0, recordsKept: 0 };
  let isUnchanged = old.length === 1 && old[0]!.cleanedAt !== undefined;
  for (const segment of old) {
    pass.transactions.add(await pass.aborted.upTo(segment.nextOffset));
    for await (const window of pass.windows(segment)) {
      for (const batch of window) {
        await pass.pause();
        const cleaned = atItsPlace(batch, () => cleanBatch(pass, batch.bytes, batch.header));
        counts.readBytes += batch.bytes.length;
        counts.recordsRead += cleaned.recordsRead;
        counts.recordsKept += cleaned.recordsKept;
        if (cleaned.bytes !== batch.bytes) isUnchanged = false;
        writer.add(batch.header.baseOffset, cleaned.bytes, cleaned.bytes === batch.bytes, cleaned.aborted);
      }
    }
  }
  const { set, deleteHorizon } = writer.finish(nextOffset);
  const cleaned = { cleanedAt: pass.now, cleanTo: pass.to, ...(deleteHorizon > 0 && { deleteHorizon }) };
  return { made: { partition, old, key, set, cleaned }, isUnchanged, ...counts };
}

/** Writes the batches that are left into one part, or two where the group is cut. */
class GroupWriter {
  readonly #builder: SegmentSetBuilder;
  readonly #partition: number;
  readonly #epochs: LiveSegment['epochs'];
  readonly #cut: Offset;
  #baseOffset: Offset;
  #aborted: AbortedTransaction[] = [];
  #deleteHorizon = -1;

  constructor(key: string, partition: number, old: readonly LiveSegment[], { to, indexIntervalBytes }: GroupPass) {
    this.#builder = new SegmentSetBuilder({ key, indexIntervalBytes });
    this.#partition = partition;
    this.#epochs = epochsOf(old);
    this.#cut = to;
    this.#baseOffset = old[0]!.baseOffset;
    this.#builder.begin(partition, this.#baseOffset);
  }

  add(offset: Offset, bytes: Buffer | undefined, isShared: boolean, aborted: AbortedTransaction | undefined): void {
    if (offset >= this.#cut && this.#baseOffset < this.#cut) {
      this.#end(this.#cut);
      this.#baseOffset = this.#cut;
      this.#builder.begin(this.#partition, this.#cut);
    }
    if (aborted !== undefined) this.#aborted.push(aborted);
    if (bytes === undefined) return;
    const header = readBatchHeader(bytes);
    if (hasDeleteHorizon(header.attributes)) this.#deleteHorizon = Math.max(this.#deleteHorizon, header.baseTimestamp);
    // A copy, so that a batch that stays does not keep the whole window in memory.
    this.#builder.append(isShared ? Buffer.from(bytes) : bytes);
  }

  #end(nextOffset: Offset): void {
    this.#builder.end(nextOffset, this.#aborted, epochsIn(this.#epochs, this.#baseOffset, nextOffset));
    this.#aborted = [];
  }

  finish(nextOffset: Offset) {
    this.#end(nextOffset);
    return { set: this.#builder.finish(), deleteHorizon: this.#deleteHorizon };
  }
}
