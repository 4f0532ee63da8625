import { OTHERS_CPU_MAX } from './machine-load.ts';
import type { BareFigures, CaseResult, RunFigures } from './result.ts';
import { medians } from './result.ts';
import { median } from './statistics.ts';

/** Of the lower of the two bounds: the engine without a disk, and the disk without an engine. */
const PRODUCE_SHARE_MIN = 0.6;
const LATENCY_P50_MS_MAX = 2;
const CACHED_FETCH_MB_PER_S_MIN = 300;
const RSS_ANON_BYTES_MAX = 400e6;

/** Above it the generator may have been what was measured. */
const GENERATOR_CPU_MAX = 0.85;

export interface Check {
  readonly what: string;
  readonly value: number;
  readonly passed: boolean;
}

export interface CaseSummary {
  readonly name: string;
  readonly embedded: RunFigures;
  readonly drop: RunFigures | undefined;
  readonly bare: BareFigures | undefined;
  /** Records per second of `embedded` by those of the lower bound; NaN for fetches. */
  readonly share: number;
  readonly rssAnonBytes: number;
  readonly checks: readonly Check[];
  /** Why the figures may be something else's than the broker's. */
  readonly doubts: readonly string[];
}

/** The medians of a case's runs and what is to be said of them. */
export function summarize(result: CaseResult): CaseSummary {
  const { benchCase, rssAnonBytes } = result;
  const embedded = medians(result.embedded, median)!;
  const drop = medians(result.drop, median);
  const bare = medians(result.bare, median);
  const bound = Math.min(drop?.recordsPerSecond ?? Number.NaN, bare?.recordsPerSecond ?? Number.NaN);
  const share = embedded.recordsPerSecond / bound;
  const checks: Check[] = [];
  if (benchCase.kind === 'produce') {
    checks.push({
      what: `share of the lower bound >= ${PRODUCE_SHARE_MIN}`,
      value: share,
      passed: share >= PRODUCE_SHARE_MIN,
    });
    if (benchCase.mode === 'latency') {
      const { p50Ms } = embedded;
      checks.push({ what: `p50 < ${LATENCY_P50_MS_MAX} ms`, value: p50Ms, passed: p50Ms < LATENCY_P50_MS_MAX });
    }
  } else if (benchCase.mode === 'cached') {
    const { megabytesPerSecond } = embedded;
    const passed = megabytesPerSecond > CACHED_FETCH_MB_PER_S_MIN;
    checks.push({ what: `MB/s > ${CACHED_FETCH_MB_PER_S_MIN}`, value: megabytesPerSecond, passed });
  }
  const passed = rssAnonBytes < RSS_ANON_BYTES_MAX;
  checks.push({ what: `RssAnon < ${RSS_ANON_BYTES_MAX / 1e6} MB`, value: rssAnonBytes / 1e6, passed });
  const doubts: string[] = [];
  if (generatorCpu(embedded, drop) > GENERATOR_CPU_MAX) doubts.push('generator busy');
  if (othersCpu(embedded, drop, bare) > OTHERS_CPU_MAX) doubts.push('machine busy');
  return { name: benchCase.name, embedded, drop, bare, share, rssAnonBytes, checks, doubts };
}

function generatorCpu(...runs: readonly (RunFigures | undefined)[]): number {
  return Math.max(...runs.map((run) => run?.generatorCpu ?? 0));
}

function othersCpu(...runs: readonly (RunFigures | BareFigures | undefined)[]): number {
  return Math.max(...runs.map((run) => run?.othersCpu ?? 0));
}

const COLUMNS = [
  'case',
  'rec/s',
  'MB/s',
  'p50 ms',
  'p99 ms',
  'cpu',
  'gen',
  'others',
  'flush/s',
  'KB/flush',
  'drop rec/s',
  'bare rec/s',
  'share',
  'RssAnon',
  'verdict',
] as const;

/** One line per case, with what failed at its end. */
export function table(summaries: readonly CaseSummary[]): string {
  const rows = summaries.map(row);
  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((cells) => cells[index]!.length)));
  const last = COLUMNS.length - 1;
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        index === 0 || index === last ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
      )
      .join('  ')
      .trimEnd();
  return [line(COLUMNS), ...rows.map(line)].join('\n');
}

function row({ name, embedded, drop, bare, share, rssAnonBytes, checks, doubts }: CaseSummary): string[] {
  const failed = checks.filter((check) => !check.passed).map((check) => `${check.what}: ${check.value.toFixed(2)}`);
  const verdict = failed.length === 0 ? 'pass' : `FAIL (${failed.join('; ')})`;
  return [
    name,
    embedded.recordsPerSecond.toFixed(0),
    embedded.megabytesPerSecond.toFixed(1),
    embedded.p50Ms.toFixed(2),
    embedded.p99Ms.toFixed(2),
    embedded.brokerCpu.toFixed(2),
    generatorCpu(embedded, drop).toFixed(2),
    othersCpu(embedded, drop, bare).toFixed(2),
    embedded.flushesPerSecond.toFixed(0),
    (embedded.flushBytes / 1000).toFixed(1),
    drop === undefined ? '-' : drop.recordsPerSecond.toFixed(0),
    bare === undefined ? '-' : bare.recordsPerSecond.toFixed(0),
    Number.isNaN(share) ? '-' : share.toFixed(2),
    `${(rssAnonBytes / 1e6).toFixed(0)} MB`,
    doubts.length === 0 ? verdict : `${verdict} (${doubts.join(', ')})`,
  ];
}
