import type { Slots } from '../kit/slots.ts';
import type { DueList } from './due-list.ts';
import type { SegmentIndex } from './segment-index.ts';

/** What sealing and merging need beside the journal; one for each process. */
export interface SealEnvironment {
  readonly index: SegmentIndex;
  readonly due: DueList;
  /**
   * Seals and merges in progress in this process: one slot. Each holds the batches of a set in
   * memory (at most SealLimits.sealBytes or MergeLimits.mergeBytes, and once more while the S3 adapter
   * sends them) and about 50 MB for their entries.
   */
  readonly slots: Slots;
}
