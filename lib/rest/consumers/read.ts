import type { RequestContext } from '../../core/context.ts';
import type { FetchedPartition } from '../../log/read-partitions.ts';
import { isControl, lastOffset, readBatchHeader } from '../../records/batch.ts';
import { iterateRecords, type Record } from '../../records/record.ts';
import type { RestConsumer, RestPosition } from '../../storage/items/rest-consumer.ts';
import { isRefusal, type Refusal, refused } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, RestCode } from '../errors.ts';
import { parseJson } from '../json/parse.ts';
import { isSamePartition } from './partition.ts';
import { resetPositions } from './positions.ts';

export interface ReadTerms {
  /** How long to wait for records; ms. */
  readonly timeoutMs: number;
  /** The most bytes of keys and values; the first record may be larger. */
  readonly maxBytes: number;
}

export interface ReadRecords {
  /** The records as an array of JSON. */
  readonly text: string;
  readonly instance: RestConsumer;
}

/** The most bytes that one partition gives, so that others have their part. */
const PARTITION_BYTES_MAX = 1024 * 1024;

/**
 * Reads records from the positions of an instance and moves these past what was read. A position that
 * the log no longer has is reset, once. Throws StoreUnavailableError.
 */
export async function readRecords(
  rest: RestEnvironment,
  instance: RestConsumer,
  terms: ReadTerms,
  context: RequestContext,
): Promise<ReadRecords | Refusal> {
  const { fetched, outOfRange, problem } = await fetchOnce(rest, instance, terms, context);
  if (problem !== undefined) return problem;
  if (outOfRange.length === 0) return cut(rest, instance, fetched, terms.maxBytes);
  const reset = await resetPositions(rest, instance, outOfRange, context);
  if (isRefusal(reset)) return reset;
  const positions = instance.positions.map((one) => reset.find((other) => isSamePartition(one, other)) ?? one);
  const moved = { ...instance, positions };
  const again = await fetchOnce(rest, moved, { ...terms, timeoutMs: 0 }, context);
  return again.problem ?? cut(rest, moved, again.fetched, terms.maxBytes);
}

interface Fetched {
  readonly position: RestPosition;
  readonly partition: FetchedPartition;
}

async function fetchOnce(
  { log }: RestEnvironment,
  { positions, fetchMinBytes }: RestConsumer,
  { timeoutMs, maxBytes }: ReadTerms,
  context: RequestContext,
): Promise<{ readonly fetched: Fetched[]; readonly outOfRange: RestPosition[]; readonly problem?: Refusal }> {
  if (positions.length === 0) return { fetched: [], outOfRange: [] };
  const asked = positions.map(({ topicId, partition, offset }) => ({
    topic: { id: topicId },
    partition,
    offset,
    maxBytes: Math.min(maxBytes, PARTITION_BYTES_MAX),
    currentLeaderEpoch: -1,
  }));
  const result = await log.fetch(context, asked, {
    isolation: 'read_uncommitted',
    minBytes: Math.max(1, fetchMinBytes),
    maxWaitMs: timeoutMs,
    waitedMs: 0,
    maxBytes,
  });
  const fetched: Fetched[] = [];
  const outOfRange: RestPosition[] = [];
  if (result.kind === 'sentAway') return { fetched, outOfRange };
  for (const [at, outcome] of result.outcomes.entries()) {
    const position = positions[at]!;
    const error = outcome.kind === 'read' ? outcome.fetched.error : outcome.error;
    if (error === 'OFFSET_OUT_OF_RANGE') outOfRange.push(position);
    else if (error !== 'NONE' && !GONE.has(error)) return { fetched, outOfRange, problem: kafkaFailure({ error }) };
    else if (outcome.kind === 'read') fetched.push({ position, partition: outcome.fetched });
  }
  return { fetched, outOfRange };
}

/** A deleted topic has no records; the group takes its partitions away. */
const GONE: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION']);

/** The records that fit, and the positions behind them. */
function cut(
  { settings }: RestEnvironment,
  instance: RestConsumer,
  fetched: readonly Fetched[],
  maxBytes: number,
): ReadRecords | Refusal {
  const texts: string[] = [];
  const moved = new Map<RestPosition, number>();
  let bytes = 0;
  let answerBytes = 2;
  for (const { position, partition } of fetched) {
    let next = position.offset;
    let isFull = false;
    for (const batch of partition.batches) {
      const header = readBatchHeader(batch);
      if (!isControl(header.attributes)) {
        for (const record of iterateRecords(batch, header)) {
          if (record.offset < next) continue;
          const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
          isFull = texts.length > 0 && bytes + size > maxBytes;
          if (isFull) break;
          const text = recordText(instance.format, position, record);
          if (isRefusal(text)) return text;
          // Small records are larger as text: with the topic's name, and in base64.
          const textBytes = Buffer.byteLength(text) + 1;
          isFull = answerBytes + textBytes > settings.answerBytesMax;
          if (isFull && texts.length === 0) return tooLarge(position, record);
          if (isFull) break;
          answerBytes += textBytes;
          texts.push(text);
          bytes += size;
          next = record.offset + 1;
        }
      }
      if (isFull) break;
      // Compaction may have removed the last records of a batch.
      next = Math.max(next, lastOffset(header) + 1);
    }
    moved.set(position, next);
  }
  const positions = instance.positions.map((one) => ({ ...one, offset: moved.get(one) ?? one.offset }));
  return { text: `[${texts.join(',')}]`, instance: { ...instance, positions } };
}

/** Only a function has answers that are smaller than a record may be. */
function tooLarge({ topic, partition }: RestPosition, { offset }: Record): Refusal {
  const message = `The record at offset ${offset} of ${topic}-${partition} is larger than an answer; seek past it.`;
  return kafkaFailure({ error: 'MESSAGE_TOO_LARGE', message });
}

function recordText(
  format: RestConsumer['format'],
  { topic, partition }: RestPosition,
  record: Record,
): string | Refusal {
  const key = valueText(format, record.key);
  if (isRefusal(key)) return key;
  const value = valueText(format, record.value);
  if (isRefusal(value)) return value;
  return `{"topic":${JSON.stringify(topic)},"key":${key},"value":${value},"partition":${partition},"offset":${record.offset}}`;
}

function valueText(format: RestConsumer['format'], bytes: Buffer | null): string | Refusal {
  if (bytes === null) return 'null';
  if (format === 'binary') return `"${bytes.toString('base64')}"`;
  // The text itself goes into the answer: its numbers keep their digits.
  const text = bytes.toString('utf8');
  const parsed = parseJson(text);
  if (parsed.kind === 'parsed') return text;
  return refused(408, RestCode.SERIALIZATION, `A record is no JSON: ${parsed.message}`);
}
