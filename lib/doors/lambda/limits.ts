/** What one call may take and give. AWS's own limits are Lambda's 6 MB each way and API Gateway's 30 s (docs/FUNCTIONS.md). */

/** Lambda takes events of 6 MB, in which a body stands as base64; bytes of that text. */
export const BODY_TEXT_BYTES_MAX = 6 * 1024 * 1024;

/** 4.4 MB are 5.9 MB of base64, which leaves room for what else is in an answer of 6 MB; bytes. */
export const ANSWER_BYTES_MAX = 4_400_000;

/** What is fetched has to fit into an answer, beside what describes it: a larger batch is not taken either; bytes. */
export const BATCH_BYTES_MAX = ANSWER_BYTES_MAX - 64 * 1024;

/** API Gateway gives up after 30 s; a gateway behind a slow link has the rest. */
export const ANSWER_WITHIN_MS = 25_000;

/** So long before the end of its time a function that waits sends what waits away, so that work under way can still end. */
export const SEND_AWAY_BEFORE_MS = 5_000;

/** Of its time, what is kept for work that an answer leaves behind: a checkpoint, a lease. */
export const SETTLE_MS = 1_000;

/** Lambda ends a function at its own time-out without an answer; a little sooner is an answer. */
export const TIMEOUT_MARGIN_MS = 500;
