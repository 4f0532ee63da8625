import type { OffsetRange } from '../client/offsets.ts';
import { CommandError, usageError } from '../failure.ts';

/** The target of a reset. */
export type ResetTarget =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'current' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'shift'; readonly by: number }
  /** The first record at or after this time; ms since the Unix epoch. */
  | { readonly kind: 'time'; readonly timestamp: number };

/** One partition of the plan. */
export interface ResetRow {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Null if nothing is committed. */
  readonly currentOffset: number | null;
  readonly newOffset: number;
}

/** The known state of a partition when it is planned. */
export interface ResetPartition {
  readonly name: string;
  readonly current: number | null;
  readonly range: OffsetRange;
  /** The offset of the first record at or after the target's time; undefined for other targets. */
  readonly atTime?: number | undefined;
}

/**
 * The new offset of a partition. One outside the partition's range is moved to the nearest end,
 * with a warning, as Kafka's tool does (OffsetsUtils.checkOffsetRange). Throws CommandError.
 */
export function newOffset(
  target: ResetTarget,
  { name, current, range, atTime }: ResetPartition,
  warn: (message: string) => void,
): number {
  switch (target.kind) {
    case 'earliest':
      return range.start;
    case 'latest':
      return range.end;
    case 'current':
      return within(current ?? range.end, name, range, warn);
    case 'offset':
      return within(target.offset, name, range, warn);
    case 'shift':
      if (current === null) throw new CommandError(`${name} cannot be shifted: the group has no offset there yet.`);
      return within(current + target.by, name, range, warn);
    case 'time':
      return atTime ?? range.end;
  }
}

function within(offset: number, name: string, { start, end }: OffsetRange, warn: (message: string) => void): number {
  const nearest = Math.min(Math.max(offset, start), end);
  if (nearest !== offset) warn(`${name} has offsets ${start} to ${end}: ${nearest} is taken instead of ${offset}.`);
  return nearest;
}

/** A topic argument with its partitions; undefined for all. */
export interface TopicChoice {
  readonly topic: string;
  readonly partitions: readonly number[] | undefined;
}

/** Reads `topic` or `topic:0,1,2`. Throws CommandError. */
export function parseTopicChoice(text: string): TopicChoice {
  const match = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text);
  if (match === null) throw usageError(`"${text}" is no topic: it takes a name, or name:0,1,2 for some partitions.`);
  const partitions = match[2]?.split(',').map(Number);
  return { topic: match[1]!, partitions: partitions && [...new Set(partitions)] };
}

/** A row of a file with offsets. */
export interface FileRow {
  /** Undefined if the file has no such column. */
  readonly group: string | undefined;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Reads lines `topic,partition,offset` or `group,topic,partition,offset`, as `--export` writes
 * them, or the same with blanks instead of commas, as rpk writes them. Throws CommandError.
 */
export function parseResetFile(text: string): FileRow[] {
  const rows: FileRow[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const cells = (line.includes(',') ? line.split(',') : line.trim().split(/\s+/)).map((cell) =>
      cell.trim().replace(/^"(.*)"$/, '$1'),
    );
    const [offset, partition, topic, group] = cells.toReversed();
    const isRow = (cells.length === 3 || cells.length === 4) && isWhole(partition) && isWhole(offset) && topic !== '';
    if (!isRow) {
      throw usageError(`Line ${index + 1} is no row: it takes topic,partition,offset or group,topic,partition,offset.`);
    }
    rows.push({ group, topic: topic!, partition: Number(partition), offset: Number(offset) });
  }
  return rows;
}

function isWhole(text: string | undefined): boolean {
  return text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

const DURATION = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * Reads an ISO 8601 duration of days, hours, minutes and seconds, such as `P1DT2H` or `PT30M`, in
 * ms; undefined for others.
 */
export function parseIsoDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null || text.endsWith('P') || text.endsWith('T')) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round(days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS);
}
