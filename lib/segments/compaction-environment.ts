import type { Slots } from '../kit/slots.ts';
import type { SealEnvironment } from './seal-environment.ts';

/** What compaction needs beside the journal; one for each process. */
export interface CompactionEnvironment extends Pick<SealEnvironment, 'index' | 'due'> {
  /**
   * Compactions in progress in this process. Each holds an offset map (CompactionLimits.mapBytes),
   * one object (objectBytes) and two windows in memory.
   */
  readonly slots: Slots;
}

export interface CompactionLimits {
  /** Memory of the offset map; bytes. Kafka's log.cleaner.dedupe.buffer.size is 128 MiB. */
  readonly mapBytes: number;
  /** Dirty bytes that one pass takes, at least one segment: bounds the time to build the map. */
  readonly passBytes: number;
  /** Size of a ranged read. */
  readonly windowBytes: number;
  /** Batches in one new object, unless one old segment has more; bytes. */
  readonly objectBytes: number;
}

const MIB = 1024 * 1024;

/**
 * The map has room for 2.5 million keys. A pass of this size is read and hashed in a few seconds, so
 * that a step of 30 seconds has time left to rewrite segments. Windows are large enough for a store
 * that answers within 30 ms at 200 MB/s.
 */
export const COMPACTION_LIMITS: CompactionLimits = {
  mapBytes: 64 * MIB,
  passBytes: 256 * MIB,
  windowBytes: 8 * MIB,
  objectBytes: 64 * MIB,
};
