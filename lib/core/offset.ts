/**
 * A position in a partition: a whole number from 0 to 2^53 - 1, so that plain numbers carry it exactly.
 * Kafka's own range is a signed 64-bit integer; values from the wire beyond 2^53 - 1 saturate when they are decoded,
 * and no log reaches them (a billion records a second would take three months).
 */
export type Offset = number;

/** What Kafka's messages say for "no offset". */
export const NO_OFFSET: Offset = -1;

export const MAX_OFFSET: Offset = Number.MAX_SAFE_INTEGER;
