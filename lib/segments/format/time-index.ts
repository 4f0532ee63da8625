import type { Offset } from '../../core/offset.ts';
import type { SegmentPart } from '../../journal/segment-part.ts';
import { readInt64 } from '../../records/int64.ts';
import { malformed } from './malformed.ts';
import { lastAtMost } from './search.ts';

/**
 * Kafka's time index (`.timeindex`, org.apache.kafka.storage.internals.log.TimeIndex): per entry
 * the largest timestamp so far (ms, signed 64-bit) and the last offset of the first batch that has
 * it, relative to the part's base offset (signed 32-bit). Both ascend; the last entry has the
 * largest timestamp of the part.
 */
export const TIME_ENTRY_BYTES = 12;

export interface TimeEntry {
  /** Ms. Beyond 2^53 - 1 it saturates; the stored bytes are exact. */
  readonly timestamp: number;
  readonly offset: Offset;
}

/** A time entry with the two halves of the timestamp as the batch has them. */
export interface ExactTimeEntry {
  readonly timestampHigh: number;
  readonly timestampLow: number;
  readonly offset: Offset;
}

export function encodeTimeIndex(entries: readonly ExactTimeEntry[], baseOffset: Offset): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * TIME_ENTRY_BYTES);
  entries.forEach(({ timestampHigh, timestampLow, offset }, slot) => {
    bytes.writeInt32BE(timestampHigh, slot * TIME_ENTRY_BYTES);
    bytes.writeUInt32BE(timestampLow, slot * TIME_ENTRY_BYTES + 4);
    bytes.writeInt32BE(offset - baseOffset, slot * TIME_ENTRY_BYTES + 8);
  });
  return bytes;
}

export class TimeIndex {
  readonly #bytes: Buffer;
  readonly #baseOffset: Offset;

  /**
   * Throws MalformedBytesError if the entries are not those of `part`; `position` is where `bytes`
   * begin in the object at `key`.
   */
  constructor(bytes: Buffer, part: SegmentPart, key: string, position: number) {
    this.#bytes = bytes;
    this.#baseOffset = part.baseOffset;
    if (bytes.length % TIME_ENTRY_BYTES !== 0) {
      throw malformed(key, position, `a time index of ${bytes.length} bytes, not a multiple of ${TIME_ENTRY_BYTES}`);
    }
    let before: TimeEntry = { timestamp: -1, offset: part.baseOffset - 1 };
    for (let slot = 0; slot < this.count; slot++) {
      const entry = this.entry(slot);
      const isBehind = entry.timestamp > before.timestamp && entry.offset > before.offset;
      if (!isBehind || entry.offset >= part.nextOffset) {
        const at = position + slot * TIME_ENTRY_BYTES;
        throw malformed(key, at, `a time index entry of timestamp ${entry.timestamp}, offset ${entry.offset}`);
      }
      before = entry;
    }
  }

  get count(): number {
    return this.#bytes.length / TIME_ENTRY_BYTES;
  }

  entry(slot: number): TimeEntry {
    const offset = this.#baseOffset + this.#bytes.readInt32BE(slot * TIME_ENTRY_BYTES + 8);
    return { timestamp: this.#timestampAt(slot), offset };
  }

  #timestampAt(slot: number): number {
    return readInt64(this.#bytes, slot * TIME_ENTRY_BYTES);
  }

  /**
   * An offset below which every batch has timestamps less than `timestamp`: that of the entry with
   * the largest timestamp that is not above it, the part's base offset if there is none (Kafka:
   * TimeIndex.lookup).
   */
  offsetAtOrBefore(timestamp: number): Offset {
    const slot = lastAtMost(this.count, (one) => this.#timestampAt(one), timestamp);
    return slot < 0 ? this.#baseOffset : this.entry(slot).offset;
  }
}
