import type { OffsetIndex } from './format/offset-index.ts';
import { lastAtMost } from './format/search.ts';
import type { HistoryPart } from './segment-source.ts';

/**
 * The least that one GET reads; bytes. Reading it takes no longer than reading one byte: the store
 * answers after 10 to 30 ms and then sends 50 to 100 bytes per microsecond.
 */
export const GET_BYTES_MIN = 64 * 1024;

/**
 * The most that one GET reads, unless one batch is larger; bytes. Sending it takes a few times as
 * long as the store needs before the first byte, and several such GETs fit into the cache.
 */
export const GET_BYTES_MAX = 4 * 1024 * 1024;

/**
 * How much more a GET may read so that it ends where a batch ends; bytes. With a larger
 * `index.interval.bytes` it may end inside a batch, which is then read twice.
 */
const ROUND_UP_BYTES_MAX = 1024 * 1024;

/** Where the log of a segment ends in its object. */
export function logEnd({ log }: Pick<HistoryPart, 'log'>): number {
  return log.start + log.length;
}

/**
 * Where a GET that has to reach `end` should end, in the object: at the end of the log if little is
 * left behind `end`, else at the next batch that the index knows.
 */
export function roundUp(part: HistoryPart, offsets: OffsetIndex, end: number): number {
  const last = logEnd(part);
  if (last - end < GET_BYTES_MIN) return last;
  const slot = lastAtMost(offsets.count, (one) => offsets.entry(one).position, end - part.log.start - 1) + 1;
  const next = slot < offsets.count ? part.log.start + offsets.entry(slot).position : last;
  return next - end <= ROUND_UP_BYTES_MAX ? next : end;
}
