import type { Offset } from '../core/offset.ts';
import { Attribute, BATCH_OVERHEAD_BYTES, BatchField, LOG_OVERHEAD_BYTES, MAGIC_V2 } from '../records/batch.ts';
import { readInt64 } from '../records/int64.ts';
import { malformed } from './format/malformed.ts';

/** Where the bytes of a walk come from, and the offsets that its batches may have. */
export interface WalkedLog {
  readonly key: string;
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
}

/**
 * Steps through the batches of a log by the few header fields that a fetch needs, without an
 * allocation per batch: catching up steps through every batch of the history.
 */
export class BatchWalk {
  readonly #log: WalkedLog;
  baseOffset: Offset = 0;
  lastOffset: Offset = 0;
  sizeInBytes = 0;
  /** Whether it is part of a transaction and has records of a client. */
  isTransactional = false;

  constructor(log: WalkedLog) {
    this.#log = log;
  }

  /**
   * Reads the header at `at`. False if the bytes end before the end of the header. `position` is
   * where `bytes` begin in the object, `from` an offset that the batch may not be below. Throws
   * MalformedBytesError.
   */
  read(bytes: Buffer, at: number, position: number, from: Offset): boolean {
    if (bytes.length - at < BATCH_OVERHEAD_BYTES) return false;
    const { key, nextOffset } = this.#log;
    const sizeInBytes = LOG_OVERHEAD_BYTES + bytes.readInt32BE(at + BatchField.length);
    const magic = bytes.readInt8(at + BatchField.magic);
    if (sizeInBytes < BATCH_OVERHEAD_BYTES || magic !== MAGIC_V2) {
      throw malformed(key, position + at, `a batch of ${sizeInBytes} bytes with magic ${magic}`);
    }
    const baseOffset = readInt64(bytes, at + BatchField.baseOffset);
    const lastOffset = baseOffset + bytes.readInt32BE(at + BatchField.lastOffsetDelta);
    if (baseOffset < from || lastOffset < baseOffset || lastOffset >= nextOffset) {
      const expected = `expected offsets from ${from} to ${nextOffset - 1}`;
      throw malformed(key, position + at, `a batch has the offsets ${baseOffset} to ${lastOffset}, ${expected}`);
    }
    const attributes = bytes.readInt16BE(at + BatchField.attributes);
    this.baseOffset = baseOffset;
    this.lastOffset = lastOffset;
    this.sizeInBytes = sizeInBytes;
    this.isTransactional = (attributes & Attribute.transactional) !== 0 && (attributes & Attribute.control) === 0;
    return true;
  }
}
