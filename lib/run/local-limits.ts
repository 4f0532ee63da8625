import type { LocalLimits } from './compose-options.ts';

/**
 * A local store has no cost per byte, and an item is written in one commit. A WAL object needs two
 * syncs and then the commit of its entry: at 350 KB an item takes half the time
 * (docs/decisions/0003-embedded-inline.md). So only flushes that do not fit into an item become WAL
 * objects: MAX_ITEM_BYTES less 40 bytes for each of 1,000 batches and the keys.
 */
const INLINE_BYTES = 352 * 1024;

/**
 * On one machine, a journal with more KB per second than this has its bytes in WAL objects. Entries
 * stay for two hours, and LMDB's file never becomes smaller; files of objects go.
 */
const INLINE_KB_PER_SECOND = 8 * 1024;

/**
 * From 1 MB/s on, so have flushes that are worth a file of their own. A journal with flushes of this
 * size takes 7 GB of LMDB at most, and then makes 16 files a second.
 */
const LARGE = { bytes: 64 * 1024, bytesPerSecond: 1024 * 1024 };

/**
 * A flush that waits for the one before it is larger, and each costs about as much as writing 1 MB: a
 * file with its syncs, and a commit. S3 takes many PUTs at the same time, a disk does not.
 */
const AHEAD_BYTES = 2 * 1024 * 1024;

/** Local files are synced one after the other. */
const WAL_IN_FLIGHT = 2;

/** In a file of its own: functions have no local store, and their bundles are small. */
export const LOCAL_LIMITS: LocalLimits = {
  tier: {
    inlineMaxBytes: INLINE_BYTES,
    lingerMs: 0,
    writeUnitsPerSecond: INLINE_KB_PER_SECOND,
    large: LARGE,
    aheadBytes: AHEAD_BYTES,
  },
  walInFlight: WAL_IN_FLIGHT,
};
