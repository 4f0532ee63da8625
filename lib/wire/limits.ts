/**
 * The longest string. Kafka's generated codecs refuse longer ones in both forms (in the old one the
 * length is an int16).
 */
export const STRING_BYTES_MAX = 0x7fff;

/** Byte fields and arrays have signed 32-bit lengths. */
export const LENGTH_MAX = 0x7fffffff;

/**
 * The Writer keeps larger byte fields by reference. For smaller ones a copy costs less than one
 * more chunk to send.
 */
export const COPY_BYTES_MAX = 2 * 1024;

/**
 * First block of a Writer. Most answers are smaller, and Node allocates such blocks from its pool.
 */
export const FIRST_BLOCK_BYTES = 512;

/** Blocks of a Writer double up to this size, which limits the unused end of a large answer. */
export const BLOCK_BYTES_MAX = 256 * 1024;

/** The int64 range that JavaScript numbers represent exactly; see lib/core/offset.ts. */
export const INT64_MAX = Number.MAX_SAFE_INTEGER;
export const INT64_MIN = -Number.MAX_SAFE_INTEGER;

/**
 * Elements of all arrays of one request. An element takes as little as two bytes on the wire and a
 * hundred in memory, and decoding blocks all other requests. The largest legitimate requests name a
 * few hundred thousand partitions.
 */
export const REQUEST_ELEMENTS_MAX = 500_000;
