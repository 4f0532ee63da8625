/** The last time that ISO 8601 is written for here, in the year 275760; ms (ECMAScript's time values). */
export const INSTANT_MS_MAX = 8.64e15;

/** ISO 8601 with a zone, as Java's Instant reads it. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** The time that a text states, ms since the Unix epoch; undefined if it states none. */
export function instantIn(text: string): number | undefined {
  const at = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** As Java writes an Instant: without a fraction of zero. Throws RangeError beyond INSTANT_MS_MAX. */
export function shownInstant(timestamp: number): string {
  return new Date(timestamp).toISOString().replace('.000Z', 'Z');
}
