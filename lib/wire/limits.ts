/** Kafka's generated codecs refuse longer strings in either form (an int16 holds the length in the old one). */
export const STRING_BYTES_MAX = 0x7fff;

/** Byte fields and arrays have lengths of a signed 32-bit number. */
export const LENGTH_MAX = 0x7fffffff;

/** Byte fields above this are kept by reference by the Writer: below it, a copy costs less than one more chunk to send. */
export const COPY_BYTES_MAX = 2 * 1024;

/** First block of a Writer: most answers are smaller, and Node serves such blocks from its pool. */
export const FIRST_BLOCK_BYTES = 512;

/** Blocks of a Writer double up to this size, so that a large answer leaves little unused at its end. */
export const BLOCK_BYTES_MAX = 256 * 1024;

/** The int64 range that plain numbers carry exactly; see lib/core/offset.ts. */
export const INT64_MAX = Number.MAX_SAFE_INTEGER;
export const INT64_MIN = -Number.MAX_SAFE_INTEGER;

/**
 * Elements of all arrays of one request. An element takes as little as two bytes on the wire and a hundred in memory, and while it
 * is decoded nobody else is served; the largest requests that clients mean name a few hundred thousand partitions.
 */
export const REQUEST_ELEMENTS_MAX = 500_000;
