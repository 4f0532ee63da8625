const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** The largest value of Node's timers and of the protocol's 32-bit fields. */
const DURATION_MS_MAX = 2 ** 31 - 1;

/**
 * `500ms`, `30s`, `2m`, `1h` or a number of ms, in ms; undefined for anything else, for 0 and for
 * more than 24 days.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * UNITS_MS[match[2] ?? 'ms']!);
  return ms > 0 && ms <= DURATION_MS_MAX ? ms : undefined;
}

/**
 * `90s`, `1h30m`, `7d`, `2w`, in ms; undefined for anything else. A unit is needed: a bare number
 * is a timestamp elsewhere.
 */
export function parseAge(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) ms += Number(count) * UNITS_MS[unit!]!;
  return Number.isFinite(ms) ? Math.round(ms) : undefined;
}
