/** Where to begin reading a partition. */
export type Start =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** So many offsets before the end. */
  | { readonly kind: 'beforeEnd'; readonly count: number }
  /** The first record at or after a time, ms since the Unix epoch. */
  | { readonly kind: 'timestamp'; readonly timestamp: number };

/** Reads `earliest` (`beginning`), `latest` (`end`), an offset, or `-N` for N before the end; undefined for others. */
export function parseStart(text: string): Start | undefined {
  if (text === 'earliest' || text === 'beginning') return { kind: 'earliest' };
  if (text === 'latest' || text === 'end') return { kind: 'latest' };
  if (!/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number)) return undefined;
  return text.startsWith('-') ? { kind: 'beforeEnd', count: -number } : { kind: 'offset', offset: number };
}

/** Reads ms since 1970 or an ISO 8601 time; one without a zone is in the zone of this machine. Undefined for others. */
export function parseTimestamp(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
