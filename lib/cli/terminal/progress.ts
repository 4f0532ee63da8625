import type { Clock } from '../../core/clock.ts';
import type { CommandIo } from '../command.ts';
import { counted, showBytes, showDuration } from './text.ts';

/** The state of the work. */
export interface Standing {
  readonly records: number;
  readonly bytes: number;
  /** In the unit of `total`. */
  readonly done: number;
  /** The final value of `done`; undefined if unknown. */
  readonly total: number | undefined;
  readonly elapsedMs: number;
}

/** Often enough to look alive, and rarely enough to be readable and cheap. */
const PROGRESS_INTERVAL_MS = 250;
/** Shorter work shows no progress. */
const PROGRESS_DELAY_MS = 500;
/** Below this share of the work an estimate would be unstable. */
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
  // The last column stays empty: a terminal would wrap after it.
  return parts.join('  ').slice(0, Math.max(columns - 1, 0));
}

/** `1,234 records (5.6 MB) in 0.3 s, 18.7 MB/s`. */
export function summaryText({ records, bytes, elapsedMs }: Omit<Standing, 'done' | 'total'>): string {
  const rate = `${showBytes((bytes / Math.max(elapsedMs, 1)) * 1000)}/s`;
  return `${counted(records, 'record')} (${showBytes(bytes)}) in ${showDuration(elapsedMs)}, ${rate}`;
}

const CLEAR_LINE = '\r\x1b[2K';

/**
 * Shows progress on stderr, if that is a terminal, until the returned function is called, which
 * erases the line.
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
