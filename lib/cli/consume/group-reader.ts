import type { Clock } from '../../core/clock.ts';
import { type AssignedTopic, type Generation, GroupMembership } from '../client/group-membership.ts';
import { GroupClient } from '../client/groups.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopics, type Topic } from '../client/topics.ts';
import { whenAborted } from '../interruption.ts';
import type { Output } from './output.ts';
import { PassedOn } from './passed-on.ts';
import type { ReadRecord } from './read-record.ts';
import { type Range, resolveSpan } from './resolve-span.ts';
import type { Span } from './start.ts';
import { TopicReader } from './topic-reader.ts';

export interface GroupReading {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly group: string;
  readonly topics: readonly Topic[];
  /** Where to start in partitions without a committed offset. */
  readonly fallback: 'earliest' | 'latest';
  /** Stops at the end offset that a partition had when it was first assigned. */
  readonly untilEnd: boolean;
  readonly committed: boolean;
  readonly timeoutMs: number;
  /** Ends the reading after the current records. */
  readonly signal: AbortSignal;
  readonly output: Output;
  /** Returns false to stop reading. */
  onRecord(record: ReadRecord, topic: string, partition: number): boolean;
  warn(message: string): void;
}

/** How often written output is committed, ms; Kafka's auto.commit.interval.ms. */
const COMMIT_EVERY_MS = 5_000;

/**
 * Reads topics as a member of a group: the members share the partitions and continue at the group's
 * offsets. An offset is committed after all records before it were written, so none is lost; after
 * a crash some may be printed twice. Throws CommandError.
 */
export class GroupReader {
  readonly #reading: GroupReading;
  readonly #groups: GroupClient;
  readonly #membership: GroupMembership;
  readonly #passedOn = new PassedOn();
  /** The end offset of each partition when it was first assigned. */
  readonly #ends = new Map<string, number>();
  #isWantedMore = true;

  constructor(reading: GroupReading) {
    this.#reading = reading;
    const { client, clock, group, topics, timeoutMs, signal } = reading;
    this.#groups = new GroupClient(client, { clock, timeoutMs });
    const names = topics.map(({ name }) => name);
    this.#membership = new GroupMembership({
      client,
      groups: this.#groups,
      clock,
      group,
      topics: names,
      timeoutMs,
      signal,
    });
  }

  /**
   * Resolves when `onRecord` returned false, when all is read with `untilEnd`, or when the signal
   * aborts.
   */
  async run(): Promise<void> {
    const { signal, untilEnd } = this.#reading;
    try {
      for (;;) {
        const generation = await this.#membership.join();
        if (generation === undefined) return;
        const stopped = AbortSignal.any([signal, generation.over]);
        await this.#read(generation, stopped);
        await this.#settle();
        if (signal.aborted || !this.#isWantedMore || (untilEnd && !generation.over.aborted)) return;
      }
    } finally {
      await this.#membership.leave();
    }
  }

  async #read({ assigned }: Generation, signal: AbortSignal): Promise<void> {
    const { client, clock, committed, timeoutMs, output, untilEnd } = this.#reading;
    const names = this.#reading.topics.map(({ name }) => name);
    // Leaders and the number of partitions may have changed since the last generation.
    const topics = await findTopics(client, names, { clock, timeoutMs });
    const ranges = await this.#rangesOf(topics, assigned);
    if (ranges.length === 0) {
      if (!untilEnd) await whenAborted(signal);
      return;
    }
    const passedOn = this.#passedOn;
    // Start positions are committed even if no records arrive, so that the next member starts
    // there.
    for (const { topic, partition, start } of ranges) passedOn.take(topic, partition, start);
    let committedAt = clock.monotonic();
    const flush = async () => {
      const accepted = passedOn.beforeWriting(output.buffer.length);
      if (await output.flush()) accepted();
    };
    await flush();
    const reader = new TopicReader({
      client,
      clock,
      topics,
      ranges,
      committed,
      timeoutMs,
      signal,
      sink: {
        onRecord: (record, topic, partition) => {
          this.#isWantedMore = this.#reading.onRecord(record, topic, partition);
          return this.#isWantedMore;
        },
        onProgress: (topic, partition, next) => passedOn.take(topic, partition, next),
        onBatch: () => (output.isFull ? flush() : undefined),
        onAnswer: async () => {
          await flush();
          if (clock.monotonic() - committedAt < COMMIT_EVERY_MS) return;
          committedAt = clock.monotonic();
          await this.#settle();
        },
        warn: this.#reading.warn,
      },
    });
    await reader.run();
    await flush();
  }

  async #settle(): Promise<void> {
    const offsets = this.#passedOn.settle(this.#reading.output.gone.aborted);
    if (offsets.length === 0) return;
    const problem = await this.#membership.commit(offsets);
    // The group has rebalanced: the new owner of the partitions reads these records again.
    if (problem !== undefined) this.#reading.warn(`What was read last is not committed: ${problem}.`);
  }

  async #rangesOf(topics: readonly Topic[], assigned: readonly AssignedTopic[]): Promise<Range[]> {
    const { client, committed, group } = this.#reading;
    const offsets = new Map(
      (await this.#groups.committed(group)).map((one) => [partitionKey(one.topic, one.partition), one.offset]),
    );
    const ranges: Range[] = [];
    for (const { topic: name, partitions } of assigned) {
      const topic = topics.find((one) => one.name === name);
      if (topic === undefined) continue;
      const indexes = topic.partitions.filter(({ index }) => partitions.includes(index));
      const lookup = { client, topic, partitions: indexes, span: WHOLE, untilEnd: true };
      const whole = await resolveSpan({ ...lookup, committed: false });
      const readable = committed ? await resolveSpan({ ...lookup, committed }) : whole;
      for (const range of whole) {
        const end = readable.find(({ partition }) => partition === range.partition)?.stop ?? range.start;
        ranges.push(this.#rangeOf(range, end, offsets.get(partitionKey(name, range.partition))));
      }
    }
    return ranges;
  }

  /**
   * The range to read in a partition that has the offsets of `whole` and is readable up to `end`.
   */
  #rangeOf({ topic, partition, start: begin, stop = begin }: Range, end: number, stored: number | undefined): Range {
    const { fallback, untilEnd, warn } = this.#reading;
    const key = partitionKey(topic, partition);
    if (!this.#ends.has(key)) this.#ends.set(key, end);
    const isThere = stored !== undefined && stored >= begin && stored <= stop;
    const start = isThere ? stored : fallback === 'earliest' ? begin : end;
    if (stored !== undefined && !isThere) {
      warn(`Offset ${stored} of ${topic}-${partition} no longer exists: reading continues at ${start}.`);
    }
    return { topic, partition, start, stop: untilEnd ? this.#ends.get(key) : undefined };
  }
}

const WHOLE: Span = { start: { kind: 'earliest' } };

function partitionKey(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
