import type { Offset } from '../../core/offset.ts';
import type { SegmentPart } from '../../journal/segment-part.ts';
import type { AbortedRange } from '../../journal/view.ts';
import { readInt64, writeInt64 } from '../../records/int64.ts';
import { malformed } from './malformed.ts';

/**
 * Kafka's transaction index (`.txnindex`, org.apache.kafka.storage.internals.log.TransactionIndex
 * and AbortedTxn): per entry the version (16-bit), then producer id, first offset, last offset and
 * last stable offset (signed 64-bit). The entries are in the order of their last offsets.
 */
export const TRANSACTION_ENTRY_BYTES = 34;

const VERSION = 0;
const PRODUCER_ID_AT = 2;
const FIRST_OFFSET_AT = 10;
const LAST_OFFSET_AT = 18;
const LAST_STABLE_OFFSET_AT = 26;

/** An aborted transaction whose abort marker lies in the part. */
export interface AbortedTransaction extends AbortedRange {
  /**
   * The last stable offset right after the marker: the first offset of the earliest transaction of
   * another producer that was open then, or the marker's offset + 1 (Kafka:
   * ProducerStateManager.lastStableOffset). It never falls from one marker to the next.
   */
  readonly lastStableOffset: Offset;
}

/** Why `next` cannot follow `before` in the index of a part; undefined if it can. */
export function transactionDisorder(
  before: AbortedTransaction | undefined,
  next: AbortedTransaction,
  part: { readonly baseOffset: Offset; readonly nextOffset: Offset },
): string | undefined {
  const { firstOffset, lastOffset, lastStableOffset } = next;
  if (lastOffset < part.baseOffset || lastOffset >= part.nextOffset) {
    return `an aborted transaction whose marker at offset ${lastOffset} is in another part`;
  }
  if (firstOffset < 0 || firstOffset >= lastOffset) {
    return `an aborted transaction from offset ${firstOffset} to ${lastOffset}`;
  }
  if (lastStableOffset < 0 || lastStableOffset > lastOffset + 1) {
    return `a last stable offset of ${lastStableOffset} after the marker at offset ${lastOffset}`;
  }
  if (before === undefined) return undefined;
  if (lastOffset <= before.lastOffset) return `a marker at offset ${lastOffset} behind that at ${before.lastOffset}`;
  if (lastStableOffset < before.lastStableOffset) {
    return `a last stable offset of ${lastStableOffset} after one of ${before.lastStableOffset}`;
  }
  return undefined;
}

export function encodeTransactionIndex(aborted: readonly AbortedTransaction[]): Buffer {
  const bytes = Buffer.allocUnsafe(aborted.length * TRANSACTION_ENTRY_BYTES);
  aborted.forEach(({ producerId, firstOffset, lastOffset, lastStableOffset }, slot) => {
    const at = slot * TRANSACTION_ENTRY_BYTES;
    bytes.writeInt16BE(VERSION, at);
    writeInt64(bytes, producerId, at + PRODUCER_ID_AT);
    writeInt64(bytes, firstOffset, at + FIRST_OFFSET_AT);
    writeInt64(bytes, lastOffset, at + LAST_OFFSET_AT);
    writeInt64(bytes, lastStableOffset, at + LAST_STABLE_OFFSET_AT);
  });
  return bytes;
}

/**
 * Throws MalformedBytesError if the entries are not those of `part`; `position` is where `bytes`
 * begin in the object at `key`.
 */
export function decodeTransactionIndex(
  bytes: Buffer,
  part: Pick<SegmentPart, 'baseOffset' | 'nextOffset'>,
  key: string,
  position: number,
): AbortedTransaction[] {
  if (bytes.length % TRANSACTION_ENTRY_BYTES !== 0) {
    const reason = `a transaction index of ${bytes.length} bytes, not a multiple of ${TRANSACTION_ENTRY_BYTES}`;
    throw malformed(key, position, reason);
  }
  const aborted: AbortedTransaction[] = [];
  for (let at = 0; at < bytes.length; at += TRANSACTION_ENTRY_BYTES) {
    const version = bytes.readInt16BE(at);
    if (version !== VERSION) throw malformed(key, position + at, `an aborted transaction of version ${version}`);
    const transaction = {
      producerId: readInt64(bytes, at + PRODUCER_ID_AT),
      firstOffset: readInt64(bytes, at + FIRST_OFFSET_AT),
      lastOffset: readInt64(bytes, at + LAST_OFFSET_AT),
      lastStableOffset: readInt64(bytes, at + LAST_STABLE_OFFSET_AT),
    };
    const disorder = transactionDisorder(aborted.at(-1), transaction, part);
    if (disorder !== undefined) throw malformed(key, position + at, disorder);
    aborted.push(transaction);
  }
  return aborted;
}
