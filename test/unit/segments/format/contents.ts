import type { Offset } from '../../../../lib/core/offset.ts';
import type { SegmentPart } from '../../../../lib/journal/segment-part.ts';
import { Codec, type CodecId } from '../../../../lib/records/compression/codec.ts';
import { encodeControlBatch } from '../../../../lib/records/control.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { type DirectoryRow, decodeDirectory } from '../../../../lib/segments/format/directory.ts';
import { decodeIndexBlock, type PartIndex } from '../../../../lib/segments/format/index-block.ts';
import {
  buildSegmentSet,
  type PartContent,
  type SegmentSet,
  type SegmentSetOptions,
} from '../../../../lib/segments/format/segment-set.ts';
import type { AbortedTransaction } from '../../../../lib/segments/format/transaction-index.ts';

export const KEY = 'segment/topic/0/0000000000000009-nonce';

/** What happens next to a log. */
export type Step =
  | {
      readonly kind: 'data';
      readonly timestamps: readonly number[];
      readonly valueBytes: number;
      readonly codec?: CodecId;
      /** In a transaction of this producer. */
      readonly producer?: number;
    }
  | {
      readonly kind: 'marker';
      readonly producer: number;
      readonly type: 'commit' | 'abort';
      readonly timestamp: number;
    }
  /** Compaction has removed so many offsets. */
  | { readonly kind: 'gap'; readonly offsets: number }
  | { readonly kind: 'epoch' };

/** The log of one partition that the steps lead to, with what a journal knows about it. */
export function contentOf(steps: readonly Step[], partition = 0, baseOffset: Offset = 0): PartContent {
  const batches: Buffer[] = [];
  const aborted: AbortedTransaction[] = [];
  const open = new Map<number, Offset>();
  let offset = baseOffset;
  let epoch = 0;
  for (const step of steps) {
    if (step.kind === 'gap') {
      offset += step.offsets;
    } else if (step.kind === 'epoch') {
      epoch++;
    } else if (step.kind === 'data') {
      const { producer, timestamps, valueBytes, codec = Codec.none } = step;
      const records = timestamps.map((timestamp, index) => ({
        timestamp,
        key: Buffer.from(`k${index}`),
        value: Buffer.alloc(valueBytes, `v${offset + index} `),
        headers: [{ key: 'h', value: Buffer.from('1') }],
      }));
      const transaction = producer !== undefined && {
        producerId: producer,
        producerEpoch: 0,
        baseSequence: 0,
        isTransactional: true,
      };
      batches.push(encodeBatch(records, { baseOffset: offset, partitionLeaderEpoch: epoch, codec, ...transaction }));
      if (producer !== undefined && !open.has(producer)) open.set(producer, offset);
      offset += records.length;
    } else {
      const { producer, type, timestamp } = step;
      const marker = { type, producerId: producer, producerEpoch: 0, coordinatorEpoch: 0, timestamp };
      batches.push(encodeControlBatch({ ...marker, baseOffset: offset, partitionLeaderEpoch: epoch }));
      const firstOffset = open.get(producer);
      open.delete(producer);
      if (type === 'abort' && firstOffset !== undefined) {
        const lastStableOffset = Math.min(offset + 1, ...open.values());
        aborted.push({ producerId: producer, firstOffset, lastOffset: offset, lastStableOffset });
      }
      offset++;
    }
  }
  return { partition, baseOffset, nextOffset: offset, batches, aborted };
}

export function bytesOf(set: SegmentSet): Buffer {
  return Buffer.concat(set.chunks);
}

/** The rows of an object, as a reader finds them from its end. */
export function rowsOf(object: Buffer, key = KEY): readonly DirectoryRow[] {
  const outcome = decodeDirectory(key, object, object.length);
  if (outcome.kind !== 'directory') throw new Error('the whole object was there');
  return outcome.rows;
}

export function logOf(object: Buffer, { log }: SegmentPart): Buffer {
  return object.subarray(log.start, log.start + log.length);
}

export function indexOf(object: Buffer, part: SegmentPart, key = KEY): PartIndex {
  const { start, length } = part.index;
  return decodeIndexBlock(key, part, object.subarray(start, start + length));
}

/** A set of one part, its object, its log and its index. */
export function builtOf(content: PartContent, options: Partial<SegmentSetOptions> = {}) {
  const set = buildSegmentSet([content], { key: KEY, ...options });
  const object = bytesOf(set);
  const part = set.parts[0]!;
  return { set, object, part, log: logOf(object, part), index: indexOf(object, part) };
}
