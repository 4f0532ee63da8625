import type { Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { NextWork } from '../kit/turns.ts';
import { CorruptRecordError } from '../records/error.ts';

/**
 * A stored batch whose records cannot be decoded, because it was stored without being decompressed.
 */
export class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError';
  readonly offset: Offset;

  constructor(offset: Offset, cause: CorruptRecordError) {
    super(cause.message, { cause });
    this.offset = offset;
  }
}

/**
 * Searches a batch, in turns with other work. Throws UnreadableBatchError with the batch's base
 * offset.
 */
export async function lookInside<T>(
  open: OpenJournal,
  baseOffset: Offset,
  search: (next: NextWork) => Promise<T>,
): Promise<T> {
  try {
    return await open.journal.env.turns.run(search);
  } catch (error) {
    if (error instanceof CorruptRecordError) throw new UnreadableBatchError(baseOffset, error);
    throw error;
  }
}
