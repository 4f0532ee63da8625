const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** What Node's timers and the protocol's 32-bit fields carry. */
const DURATION_MS_MAX = 2 ** 31 - 1;

/** `500ms`, `30s`, `2m`, `1h` or a number of ms, in ms; undefined for anything else, for 0 and for more than 24 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * UNITS_MS[match[2] ?? 'ms']!);
  return ms > 0 && ms <= DURATION_MS_MAX ? ms : undefined;
}
