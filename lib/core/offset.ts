/**
 * A position in a partition: a whole number from 0 to 2^53 - 1, which a JavaScript number holds
 * exactly. Kafka's range is a signed 64-bit integer. Larger values from the wire are clamped to
 * 2^53 - 1 on decoding. No log reaches them: a billion records a second would take three months.
 */
export type Offset = number;

/** Kafka's value for "no offset". */
export const NO_OFFSET: Offset = -1;

export const MAX_OFFSET: Offset = Number.MAX_SAFE_INTEGER;
