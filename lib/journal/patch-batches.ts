import { patchBatch } from '../records/batch.ts';
import type { BatchMeta } from './entry.ts';

/**
 * Sets the base offset and the leader epoch of each batch in a payload, in place. A batch's CRC
 * covers neither.
 */
export function patchBatches(payload: Buffer, batches: readonly BatchMeta[], leaderEpoch: number): void {
  for (const { position, size, baseOffset } of batches) {
    patchBatch(payload.subarray(position, position + size), baseOffset, leaderEpoch);
  }
}
