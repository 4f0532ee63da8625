/**
 * Limits of one call. AWS's own are Lambda's 6 MB each way and API Gateway's 30 s
 * (docs/FUNCTIONS.md).
 */

/** Lambda accepts events of 6 MB, with the body as base64; bytes of base64 text. */
export const BODY_TEXT_BYTES_MAX = 6 * 1024 * 1024;

/** 4.4 MB are 5.9 MB of base64, which leaves room for the rest of a 6 MB answer; bytes. */
export const ANSWER_BYTES_MAX = 4_400_000;

/**
 * A fetched batch has to fit into an answer with its metadata, so larger batches are refused by
 * Produce as well; bytes.
 */
export const BATCH_BYTES_MAX = ANSWER_BYTES_MAX - 64 * 1024;

/** API Gateway gives up after 30 s. The remainder is for a gateway on a slow link. */
export const ANSWER_WITHIN_MS = 25_000;

/**
 * How long before its deadline a function answers waiting frames with `again`, so that running work
 * can still finish.
 */
export const SEND_AWAY_BEFORE_MS = 5_000;

/** Time kept at the end of a call for work that an answer leaves behind: a checkpoint, a lease. */
export const SETTLE_MS = 1_000;

/**
 * Lambda ends a function at its time-out without an answer. The function answers this long before.
 */
export const TIMEOUT_MARGIN_MS = 500;
