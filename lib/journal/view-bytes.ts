import { PART_MEMORY_BYTES } from './segment-part.ts';
import type { JournalView } from './view.ts';

/**
 * Memory of the parts of an open journal; bytes. Measured on Node 20 with 64-bit pointers and
 * rounded up. Numbers beyond 2^31 in objects take a heap number each.
 */
const JOURNAL_BYTES = 4_096;
const PARTITION_BYTES = 1_024;
const ROW_BYTES = 96;
const PRODUCER_BYTES = 1_024;

/** Estimated memory of an open journal without its cached entries; bytes. */
export function viewBytes({ partitions, lastSeal }: JournalView): number {
  let bytes = JOURNAL_BYTES + (lastSeal?.parts.length ?? 0) * PART_MEMORY_BYTES;
  for (const { epochs, producers, openTransactions, aborted, blocks, recent } of partitions.values()) {
    const rows = epochs.length + openTransactions.size + aborted.length + blocks.length + recent.length;
    bytes += PARTITION_BYTES + rows * ROW_BYTES + producers.size * PRODUCER_BYTES;
  }
  return bytes;
}
