import type { KafkaClient } from '../client/kafka-client.ts';
import { type OffsetRange, offsetRanges, offsetsAt } from '../client/offsets.ts';
import type { Topic, TopicPartition } from '../client/topics.ts';
import { CommandError } from '../failure.ts';
import type { Place, Span } from './start.ts';

/** The range to read in a partition. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  /** Where to stop, exclusive; undefined to follow the partition. */
  readonly stop: number | undefined;
}

export interface SpanLookup {
  readonly client: KafkaClient;
  readonly topic: Topic;
  readonly partitions: readonly TopicPartition[];
  readonly span: Span;
  /** Stops at the present end at the latest. */
  readonly untilEnd: boolean;
  readonly committed: boolean;
}

/**
 * Resolves a span to offsets in each partition. Throws CommandError for an offset that does not
 * exist.
 */
export async function resolveSpan(lookup: SpanLookup): Promise<Range[]> {
  const { client, topic, partitions, span, untilEnd, committed } = lookup;
  const atPlace = (place: Place | undefined) =>
    place?.kind === 'timestamp' ? offsetsAt(client, topic, partitions, place.timestamp, committed) : undefined;
  const [ranges, starts, stops] = await Promise.all([
    offsetRanges(client, topic, partitions, committed),
    atPlace(span.start),
    atPlace(span.end),
  ]);
  return partitions.map(({ index }) => {
    const bounds = ranges.get(index)!;
    const start = offsetOf(span.start, bounds, starts?.get(index));
    if (start < bounds.start || start > bounds.end) throw notThere(topic, start, bounds, partitions.length > 1);
    const stop = span.end === undefined ? undefined : offsetOf(span.end, bounds, stops?.get(index));
    const last = untilEnd ? Math.min(bounds.end, stop ?? bounds.end) : stop;
    return { topic: topic.name, partition: index, start, stop: last };
  });
}

function offsetOf(place: Place, { start, end }: OffsetRange, found: number | undefined): number {
  switch (place.kind) {
    case 'earliest':
      return start;
    case 'latest':
      return end;
    case 'offset':
      return place.offset;
    case 'afterStart':
      return Math.min(end, start + place.count);
    case 'beforeEnd':
      return Math.max(start, end - place.count);
    case 'timestamp':
      // All records are older, so reading starts at the end.
      return found === undefined || found < 0 ? end : found;
  }
}

function notThere({ name }: Topic, offset: number, { start, end }: OffsetRange, ofSeveral: boolean): CommandError {
  return new CommandError(
    `Offset ${offset} is not there (OFFSET_OUT_OF_RANGE): ${name} has offsets ${start} to ${end}` +
      `${ofSeveral ? ' in one of the partitions; choose one with --partition' : ''}.`,
    { kafkaError: 'OFFSET_OUT_OF_RANGE' },
  );
}
