import type { Clock } from '../../core/clock.ts';
import type { CommandIo } from '../command.ts';
import { counted, showBytes, showDuration } from './text.ts';

/** How far something is. */
export interface Standing {
  readonly records: number;
  readonly bytes: number;
  /** In whatever `total` counts. */
  readonly done: number;
  /** What `done` will be at the end; undefined when nobody knows. */
  readonly total: number | undefined;
  readonly elapsedMs: number;
}

/** Fast enough to look alive, slow enough to read and to cost nothing. */
const PROGRESS_INTERVAL_MS = 250;
/** Work that is over sooner needs no progress. */
const PROGRESS_DELAY_MS = 500;
/** An estimate from less than this share of the work would jump about. */
const ESTIMATE_SHARE_MIN = 0.005;

/** One line about `standing` that fits into `columns`: share, records, bytes, rate, time left. */
export function progressLine(standing: Standing, columns: number): string {
  const { records, bytes, done, total, elapsedMs } = standing;
  const share = total === undefined || total <= 0 ? undefined : Math.min(done / total, 1);
  const parts = [
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    counted(records, 'record'),
    showBytes(bytes),
    `${showBytes((bytes / Math.max(elapsedMs, 1)) * 1000)}/s`,
    ...(share === undefined || share < ESTIMATE_SHARE_MIN || share >= 1
      ? []
      : [`${showDuration((elapsedMs / share) * (1 - share))} left`]),
  ];
  // The last column stays free: a terminal would go to the next line behind it.
  return parts.join('  ').slice(0, Math.max(columns - 1, 0));
}

/** `1,234 records (5.6 MB) in 0.3 s, 18.7 MB/s`. */
export function summaryText({ records, bytes, elapsedMs }: Omit<Standing, 'done' | 'total'>): string {
  const rate = `${showBytes((bytes / Math.max(elapsedMs, 1)) * 1000)}/s`;
  return `${counted(records, 'record')} (${showBytes(bytes)}) in ${showDuration(elapsedMs)}, ${rate}`;
}

const CLEAR_LINE = '\r\x1b[2K';

/**
 * Shows on stderr, when that is a terminal, how far something is, until the returned function is
 * called, which takes the line away. Shows nothing otherwise.
 */
export function showProgress(io: CommandIo, clock: Clock, standing: () => Standing): () => void {
  const { errTerminal } = io;
  if (errTerminal === undefined) return () => {};
  let shown = false;
  let cancel = clock.setTimer(PROGRESS_DELAY_MS, draw);
  function draw(): void {
    io.err(`${CLEAR_LINE}${progressLine(standing(), errTerminal!.columns)}`);
    shown = true;
    cancel = clock.setTimer(PROGRESS_INTERVAL_MS, draw);
  }
  return () => {
    cancel();
    if (shown) io.err(CLEAR_LINE);
  };
}
