import type { Offset } from '../../core/offset.ts';
import { type BatchHeader, isControl, isTransactional, lastOffset, readBatchHeader } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { iterateRecords } from '../../records/record.ts';
import { eventText, recordData, type StreamFormat } from './event.ts';
import type { Following } from './following.ts';

/** What a read found in a partition. */
export interface FoundRecords {
  readonly partition: number;
  readonly batches: readonly Buffer[];
  /** The transactions whose records are not shown; undefined if all are. */
  readonly aborted:
    | readonly { readonly producerId: number; readonly firstOffset: Offset; readonly lastOffset: Offset }[]
    | undefined;
  /** Offsets that the log no longer has. */
  readonly gap?: { readonly from: Offset; readonly to: Offset };
}

/** Some events. */
export interface Piece {
  readonly text: string;
  /** The id of the last one. */
  readonly lastId: string;
}

/** Events are sent together up to this size; characters. */
const PIECE_CHARS = 32 * 1024;

/**
 * The events of what was found, in pieces. Moves the positions past what the pieces have: a piece
 * that is not asked for moves nothing. Throws CorruptRecordError, after the events before it.
 */
export function* eventsOf(
  following: Following,
  found: readonly FoundRecords[],
  { format }: { readonly format: StreamFormat },
): Generator<Piece> {
  const { positions } = following;
  let text = '';
  let lastId = '';
  const add = (data: string, name?: string) => {
    lastId = following.place();
    text += eventText(lastId, data, name);
  };
  try {
    for (const { partition, batches, aborted, gap } of found) {
      // Before a piece is sent a refresh may not take partitions away: it comes between reads only.
      if (gap !== undefined) {
        positions.set(partition, gap.to);
        add(JSON.stringify({ partition_id: partition, ...gap }), 'gap');
      }
      for (const batch of batches) {
        const header = readBatchHeader(batch);
        const end = lastOffset(header) + 1;
        if (!isControl(header.attributes) && !isAborted(header, aborted)) {
          for (const record of iterateRecords(batch, header)) {
            if (record.offset < positions.get(partition)!) continue;
            positions.set(partition, record.offset + 1);
            add(recordData(partition, record, format));
            if (text.length < PIECE_CHARS) continue;
            yield { text, lastId };
            text = '';
          }
        }
        // Compaction may have removed the last records of a batch.
        if (end > positions.get(partition)!) positions.set(partition, end);
      }
    }
  } catch (error) {
    // The positions are past the events before the batch that cannot be read.
    if (error instanceof CorruptRecordError && text !== '') yield { text, lastId };
    throw error;
  }
  if (text !== '') yield { text, lastId };
}

function isAborted({ attributes, producerId, baseOffset }: BatchHeader, aborted: FoundRecords['aborted']): boolean {
  if (aborted === undefined || !isTransactional(attributes)) return false;
  return aborted.some((one) => {
    return one.producerId === producerId && one.firstOffset <= baseOffset && baseOffset <= one.lastOffset;
  });
}
