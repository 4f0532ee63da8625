import type { BenchCase } from './cases.ts';

/** The figures of one run against one broker. */
export interface RunFigures {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time per elapsed time; 1 is one core. */
  readonly generatorCpu: number;
  readonly brokerCpu: number;
  /** Of everything else on the machine. */
  readonly othersCpu: number;
  /** Of record data; 0 for fetches. */
  readonly flushesPerSecond: number;
  readonly flushBytes: number;
}

/** The plain loop with the flush sizes of the run before it, in the records that these flushes held. */
export interface BareFigures {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly othersCpu: number;
}

/** One case: all runs in order; `drop` and `bare` are empty for fetches. */
export interface CaseResult {
  readonly benchCase: BenchCase;
  readonly embedded: readonly RunFigures[];
  readonly drop: readonly RunFigures[];
  readonly bare: readonly BareFigures[];
  /** The largest seen in the embedded broker over the case; bytes. */
  readonly rssAnonBytes: number;
}

/** The median of each figure by itself. */
export function medians<Figures extends RunFigures | BareFigures>(
  runs: readonly Figures[],
  median: (values: readonly number[]) => number,
): Figures | undefined {
  const [first] = runs;
  if (first === undefined) return undefined;
  const keys = Object.keys(first) as (keyof Figures)[];
  return Object.fromEntries(
    keys.map((key) => [key, median(runs.map((run) => run[key] as number))]),
  ) as unknown as Figures;
}
