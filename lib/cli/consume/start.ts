import { parseAge } from '../duration.ts';

/** A position in a partition. */
export type Place =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** This many offsets after the beginning. */
  | { readonly kind: 'afterStart'; readonly count: number }
  /** This many offsets before the end. */
  | { readonly kind: 'beforeEnd'; readonly count: number }
  /** The first record at or after a time, ms since the Unix epoch. */
  | { readonly kind: 'timestamp'; readonly timestamp: number };

/**
 * What to read of a partition: from one position to another, exclusive. Without an end, reading
 * follows the partition.
 */
export interface Span {
  readonly start: Place;
  readonly end?: Place;
}

const WORDS: Readonly<Record<string, Place>> = {
  earliest: { kind: 'earliest' },
  beginning: { kind: 'earliest' },
  start: { kind: 'earliest' },
  latest: { kind: 'latest' },
  end: { kind: 'latest' },
};
/** Marks a time where an offset is also possible, as in rpk. */
const TIME_MARK = '@';

/**
 * Reads `PLACE`, `PLACE:`, `PLACE:PLACE` or `:PLACE`; undefined for others. A place is `earliest`
 * (`start`, `beginning`), `latest` (`end`), an offset, `+N` for N after the beginning, `-N` for N
 * before the end, or `@TIME`; in `@TIME:TIME` the second mark may be left out.
 *
 * @param now ms since the Unix epoch, for times such as `-1h`
 */
export function parseSpan(text: string, now: number): Span | undefined {
  const marked = text.startsWith(TIME_MARK);
  return spanOf(
    text,
    (part) => parsePlace(part, now),
    (part) => (marked ? parseTimePlace(part, now) : undefined) ?? parsePlace(part, now),
  );
}

/** Reads `TIME`, `TIME:`, `TIME:TIME` or `:TIME`; undefined for others. */
export function parseTimeSpan(text: string, now: number): Span | undefined {
  const place = (part: string) => parseTimePlace(part, now);
  return spanOf(text, place, place);
}

type ReadPlace = (text: string) => Place | undefined;

/**
 * Times contain colons themselves. The separator is the first colon with a valid place on both
 * sides.
 */
function spanOf(text: string, first: ReadPlace, second: ReadPlace): Span | undefined {
  const alone = first(text);
  if (alone !== undefined) return { start: alone };
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    const [left, right] = [text.slice(0, at), text.slice(at + 1)];
    const start = left === '' ? WORDS.earliest : first(left);
    if (start === undefined || left + right === '') continue;
    if (right === '') return { start };
    const end = second(right);
    if (end !== undefined) return { start, end };
  }
  return undefined;
}

function parsePlace(text: string, now: number): Place | undefined {
  if (Object.hasOwn(WORDS, text)) return WORDS[text];
  if (text.startsWith(TIME_MARK)) return parseTimePlace(text.slice(TIME_MARK.length), now);
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const count = Math.abs(Number(text));
  if (!Number.isSafeInteger(count)) return undefined;
  if (text.startsWith('-')) return { kind: 'beforeEnd', count };
  if (text.startsWith('+')) return { kind: 'afterStart', count };
  return { kind: 'offset', offset: count };
}

function parseTimePlace(text: string, now: number): Place | undefined {
  const timestamp = parseTime(text, now);
  return timestamp === undefined ? undefined : { kind: 'timestamp', timestamp };
}

/** Reads what parseTimestamp reads, or a duration before now such as `-1h`. */
export function parseTime(text: string, now: number): number | undefined {
  if (!text.startsWith('-')) return parseTimestamp(text);
  const age = parseAge(text.slice(1));
  return age === undefined ? undefined : Math.max(0, now - age);
}

/**
 * Reads ms since 1970 or an ISO 8601 time; one without a zone is in the zone of this machine.
 * Undefined for others.
 */
export function parseTimestamp(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
