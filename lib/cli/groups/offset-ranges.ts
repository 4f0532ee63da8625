import type { KafkaClient } from '../client/kafka-client.ts';
import { type OffsetRange, offsetRanges, offsetsAt } from '../client/offsets.ts';
import { listTopics, type Topic } from '../client/topics.ts';

/** Looks up topics and their offsets once for all groups of a command. */
export class TopicOffsets {
  readonly #client: KafkaClient;
  #topics: Promise<ReadonlyMap<string, Topic>> | undefined;
  readonly #ranges = new Map<string, Promise<ReadonlyMap<number, OffsetRange>>>();

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  /** All topics by name. Throws CommandError. */
  topics(): Promise<ReadonlyMap<string, Topic>> {
    this.#topics ??= listTopics(this.#client).then((topics) => new Map(topics.map((topic) => [topic.name, topic])));
    return this.#topics;
  }

  /** Partition -> offsets; empty for a topic that does not exist. Throws CommandError. */
  ranges(name: string): Promise<ReadonlyMap<number, OffsetRange>> {
    let ranges = this.#ranges.get(name);
    if (ranges === undefined) {
      ranges = this.#look(name);
      this.#ranges.set(name, ranges);
    }
    return ranges;
  }

  /**
   * Partition -> the first offset at or after a time, ms; the end if all records are older. Throws
   * CommandError.
   */
  async atTime(name: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const topic = (await this.topics()).get(name);
    if (topic === undefined) return new Map();
    const [found, ranges] = await Promise.all([
      offsetsAt(this.#client, topic, topic.partitions, timestamp),
      this.ranges(name),
    ]);
    return new Map([...found].map(([partition, at]) => [partition, at < 0 ? ranges.get(partition)!.end : at]));
  }

  async #look(name: string): Promise<ReadonlyMap<number, OffsetRange>> {
    const topic = (await this.topics()).get(name);
    return topic === undefined ? new Map() : offsetRanges(this.#client, topic, topic.partitions);
  }
}
