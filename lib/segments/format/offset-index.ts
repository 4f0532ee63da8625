import type { Offset } from '../../core/offset.ts';
import type { SegmentPart } from '../../journal/segment-part.ts';
import { malformed } from './malformed.ts';
import { lastAtMost } from './search.ts';

/**
 * Kafka's offset index (`.index`, org.apache.kafka.storage.internals.log.OffsetIndex): per entry
 * the last offset of a batch, relative to the part's base offset, and that batch's position in the
 * log. Both are signed 32-bit numbers and ascend.
 */
export const OFFSET_ENTRY_BYTES = 8;

export interface OffsetEntry {
  /** Last offset of the batch at `position`. */
  readonly offset: Offset;
  /** From the log's first byte. */
  readonly position: number;
}

export function encodeOffsetIndex(entries: readonly OffsetEntry[], baseOffset: Offset): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * OFFSET_ENTRY_BYTES);
  entries.forEach(({ offset, position }, slot) => {
    bytes.writeInt32BE(offset - baseOffset, slot * OFFSET_ENTRY_BYTES);
    bytes.writeInt32BE(position, slot * OFFSET_ENTRY_BYTES + 4);
  });
  return bytes;
}

export class OffsetIndex {
  readonly #bytes: Buffer;
  readonly #baseOffset: Offset;
  readonly #logBytes: number;

  /**
   * Throws MalformedBytesError if the entries are not those of `part`; `position` is where `bytes`
   * begin in the object at `key`.
   */
  constructor(bytes: Buffer, part: SegmentPart, key: string, position: number) {
    this.#bytes = bytes;
    this.#baseOffset = part.baseOffset;
    this.#logBytes = part.log.length;
    if (bytes.length % OFFSET_ENTRY_BYTES !== 0) {
      throw malformed(
        key,
        position,
        `an offset index of ${bytes.length} bytes, not a multiple of ${OFFSET_ENTRY_BYTES}`,
      );
    }
    let before: OffsetEntry = { offset: part.baseOffset - 1, position: 0 };
    for (let slot = 0; slot < this.count; slot++) {
      const entry = this.entry(slot);
      const isBehind = entry.offset > before.offset && entry.position > before.position;
      if (!isBehind || entry.offset >= part.nextOffset || entry.position >= part.log.length) {
        const at = position + slot * OFFSET_ENTRY_BYTES;
        throw malformed(key, at, `an offset index entry of offset ${entry.offset}, position ${entry.position}`);
      }
      before = entry;
    }
  }

  get count(): number {
    return this.#bytes.length / OFFSET_ENTRY_BYTES;
  }

  entry(slot: number): OffsetEntry {
    return { offset: this.#offsetAt(slot), position: this.#bytes.readInt32BE(slot * OFFSET_ENTRY_BYTES + 4) };
  }

  #offsetAt(slot: number): Offset {
    return this.#baseOffset + this.#bytes.readInt32BE(slot * OFFSET_ENTRY_BYTES);
  }

  /**
   * A position at or before the batch that holds `offset`: that of the largest entry that is not
   * above it, 0 if there is none (Kafka: OffsetIndex.lookup).
   */
  positionAtOrBefore(offset: Offset): number {
    const slot = this.#slotAtOrBefore(offset);
    return slot < 0 ? 0 : this.entry(slot).position;
  }

  /** A position at or after the end of the batch that holds `offset`. */
  positionAfter(offset: Offset): number {
    // The first entry at or above `offset` may be of the batch itself, the one behind it is not.
    const slot = this.#slotAtOrBefore(offset - 1) + 2;
    return slot < this.count ? this.entry(slot).position : this.#logBytes;
  }

  #slotAtOrBefore(offset: Offset): number {
    return lastAtMost(this.count, (slot) => this.#offsetAt(slot), offset);
  }
}
