import type { KafkaClient } from '../client/kafka-client.ts';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, offsetsAt } from '../client/offsets.ts';
import type { Topic, TopicPartition } from '../client/topics.ts';
import { CommandError } from '../failure.ts';
import type { Place, Span } from './start.ts';

/** What is to be read of a partition. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  /** Where to stop, exclusive; undefined to go on for ever. */
  readonly stop: number | undefined;
}

/** The offsets that a partition has: [begin, end). With read_committed `end` is the last stable offset. */
interface Bounds {
  readonly begin: number;
  readonly end: number;
}

export interface SpanLookup {
  readonly client: KafkaClient;
  readonly topic: Topic;
  readonly partitions: readonly TopicPartition[];
  readonly span: Span;
  /** Stops where the end is now, if not before. */
  readonly untilEnd: boolean;
  readonly committed: boolean;
}

/** What a span means in each partition as it is now. Throws CommandError for an offset that is not there. */
export async function resolveSpan(lookup: SpanLookup): Promise<Range[]> {
  const { client, topic, partitions, span, untilEnd, committed } = lookup;
  const at = (timestamp: number) => offsetsAt(client, topic, partitions, timestamp, committed);
  const atPlace = (place: Place | undefined) => (place?.kind === 'timestamp' ? at(place.timestamp) : undefined);
  const [begins, ends, starts, stops] = await Promise.all([
    at(EARLIEST_TIMESTAMP),
    at(LATEST_TIMESTAMP),
    atPlace(span.start),
    atPlace(span.end),
  ]);
  return partitions.map(({ index }) => {
    const begin = begins.get(index) ?? 0;
    const bounds = { begin, end: ends.get(index) ?? begin };
    const start = offsetOf(span.start, bounds, starts?.get(index));
    if (start < begin || start > bounds.end) throw notThere(topic, start, bounds, partitions.length > 1);
    const stop = span.end === undefined ? undefined : offsetOf(span.end, bounds, stops?.get(index));
    const last = untilEnd ? Math.min(bounds.end, stop ?? bounds.end) : stop;
    return { topic: topic.name, partition: index, start, stop: last };
  });
}

function offsetOf(place: Place, { begin, end }: Bounds, found: number | undefined): number {
  switch (place.kind) {
    case 'earliest':
      return begin;
    case 'latest':
      return end;
    case 'offset':
      return place.offset;
    case 'afterStart':
      return Math.min(end, begin + place.count);
    case 'beforeEnd':
      return Math.max(begin, end - place.count);
    case 'timestamp':
      // No record is as young, so only later ones count.
      return found === undefined || found < 0 ? end : found;
  }
}

function notThere({ name }: Topic, offset: number, { begin, end }: Bounds, ofSeveral: boolean): CommandError {
  return new CommandError(
    `Offset ${offset} is not there (OFFSET_OUT_OF_RANGE): ${name} has offsets ${begin} to ${end}` +
      `${ofSeveral ? ' in one of the partitions; choose one with --partition' : ''}.`,
    { kafkaError: 'OFFSET_OUT_OF_RANGE' },
  );
}
