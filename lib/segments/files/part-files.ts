import type { SegmentPart } from '../../journal/segment-part.ts';
import { decodeIndexBlock } from '../format/index-block.ts';
import { type SegmentFileKind, segmentFileName } from './file-names.ts';

export interface IndexFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * Kafka's files for a part of a segment set: the name of its `.log`, whose bytes are the range
 * `part.log` of the object, and its indexes, byte for byte. As in Kafka there is a `.txnindex` only
 * if it has entries.
 *
 * @param block the range `part.index` of the object at `key`
 * @throws MalformedBytesError as decodeIndexBlock does
 */
export function filesOfPart(
  key: string,
  part: SegmentPart,
  block: Buffer,
): { readonly log: string; readonly indexes: readonly IndexFile[] } {
  decodeIndexBlock(key, part, block);
  const timesAt = part.offsetIndexBytes;
  const transactionsAt = timesAt + part.timeIndexBytes;
  return {
    log: segmentFileName(part.baseOffset, 'log'),
    indexes: indexFiles(part.baseOffset, {
      index: block.subarray(0, timesAt),
      timeindex: block.subarray(timesAt, transactionsAt),
      txnindex: block.subarray(transactionsAt),
    }),
  };
}

/** The files of a segment's indexes. */
export function indexFiles(
  baseOffset: number,
  indexes: Readonly<Record<Exclude<SegmentFileKind, 'log'>, Buffer>>,
): readonly IndexFile[] {
  const files = (['index', 'timeindex', 'txnindex'] as const).map((kind) => ({
    name: segmentFileName(baseOffset, kind),
    bytes: indexes[kind],
  }));
  return files.filter(({ name, bytes }) => bytes.length > 0 || !name.endsWith('.txnindex'));
}
