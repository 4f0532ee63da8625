import { systemClock } from '../../core/clock.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { type Topic, type TopicPartition, unknownPartition } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { stopOnSignal } from '../interruption.ts';
import { showProgress, summaryText } from '../terminal/progress.ts';
import { chooseTopics, type TopicWish } from './choose-topics.ts';
import type { ConsumeFlags } from './flags.ts';
import { GroupReader } from './group-reader.ts';
import { Output } from './output.ts';
import type { ReadRecord } from './read-record.ts';
import type { RecordFormat } from './record-format.ts';
import { type Range, resolveSpan } from './resolve-span.ts';
import type { Span } from './start.ts';
import { TopicReader } from './topic-reader.ts';

export interface Reading {
  readonly wish: TopicWish;
  readonly span: Span;
  readonly format: RecordFormat;
  readonly flags: ConsumeFlags;
}

/**
 * Prints records until the requested end, a signal, or until the reader of the output is gone.
 * Throws CommandError.
 */
export async function readTopics(client: KafkaClient, io: CommandIo, reading: Reading): Promise<void> {
  const { wish, span, format, flags } = reading;
  const { group, maxMessages, untilEnd = false, timeout: timeoutMs } = flags;
  const clock = systemClock;
  const topics = await chooseTopics(client, wish, { clock, timeoutMs });
  const committed = flags.isolation === 'read_committed';
  const ranges = group === undefined ? await rangesIn(client, topics, reading, committed) : [];
  const total = totalOf(ranges);
  const stop = stopOnSignal(io);
  const output = new Output(io);
  const started = clock.monotonic();
  let records = 0;
  let bytes = 0;
  const standing = () => ({
    records,
    bytes,
    done: records,
    total: total === undefined ? maxMessages : Math.min(total, maxMessages ?? total),
    elapsedMs: clock.monotonic() - started,
  });
  const onRecord = (record: ReadRecord, topic: string, partition: number) => {
    format(output.buffer, record, topic, partition);
    records++;
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    return records !== maxMessages;
  };
  const flush = async () => {
    await output.flush();
  };
  const warn = (message: string) => io.err(`${message}\n`);
  const signal = AbortSignal.any([stop.signal, output.gone]);
  const common = { client, clock, topics, committed, timeoutMs, signal };
  // On one terminal, progress and records would be mixed.
  const hideProgress = io.outIsTerminal ? () => {} : showProgress(io, clock, standing);
  const unwatch = await io.watchOut?.();
  try {
    if (group === undefined) {
      const sink = {
        onRecord,
        onProgress() {},
        onBatch: () => (output.isFull ? flush() : undefined),
        onAnswer: flush,
        warn,
      };
      await new TopicReader({ ...common, ranges, sink }).run();
      await flush();
    } else {
      const fallback = span.start.kind === 'earliest' ? 'earliest' : 'latest';
      await new GroupReader({ ...common, group, fallback, untilEnd, output, onRecord, warn }).run();
    }
  } finally {
    hideProgress();
    unwatch?.();
    stop.ignore();
  }
  if (io.errTerminal !== undefined) io.err(`Read ${summaryText(standing())}.\n`);
}

async function rangesIn(
  client: KafkaClient,
  topics: readonly Topic[],
  { span, flags }: Reading,
  committed: boolean,
): Promise<Range[]> {
  const untilEnd = flags.untilEnd === true;
  const ofTopics = topics.map((topic) =>
    resolveSpan({ client, topic, partitions: chosenPartitions(topic, flags.partition), span, untilEnd, committed }),
  );
  return (await Promise.all(ofTopics)).flat();
}

/** The number of offsets to read; undefined if there is no end. */
function totalOf(ranges: readonly Range[]): number | undefined {
  let total = 0;
  for (const { start, stop } of ranges) {
    if (stop === undefined) return undefined;
    total += Math.max(stop - start, 0);
  }
  return ranges.length === 0 ? undefined : total;
}

/** Throws CommandError for a partition that does not exist. */
function chosenPartitions(topic: Topic, chosen: readonly number[] | undefined): readonly TopicPartition[] {
  if (chosen === undefined) return topic.partitions;
  const missing = chosen.find((index) => !topic.partitions.some((partition) => partition.index === index));
  if (missing !== undefined) throw unknownPartition(topic.name, missing, topic.partitions.length);
  return topic.partitions.filter(({ index }) => chosen.includes(index));
}
