import type { Clock } from '../../../lib/core/clock.ts';
import { sleep } from '../../../lib/core/clock.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { GroupMember } from '../../support/group-member.ts';
import type { KafkaClient } from '../../support/kafka-client.ts';
import { fetchRequest, type TopicName, valuesIn } from '../../support/requests.ts';

/** The defaults of the Java client and of librdkafka; ms. */
const SESSION_MS = 45_000;
const HEARTBEAT_MS = 3_000;
const FETCH_WAIT_MS = 500;
const COMMIT_MS = 5_000;
const METADATA_MS = 5 * 60_000;

export interface ConsumerOptions {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly topic: TopicName;
  readonly partition: number;
  received(value: string): void;
}

/**
 * A consumer as the Java client is one with its defaults: a member of a group, which fetches in a loop,
 * sends heartbeats, commits its offset every 5 s whether it has changed or not, and looks for new
 * partitions every 5 minutes.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #member: GroupMember;
  #offset = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#member = new GroupMember(options.client, 'readers', {
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: 300_000,
    });
  }

  /** Rejects when a request has an answer that a consumer does not expect. Never resolves. */
  async run(): Promise<void> {
    await this.#enter();
    await Promise.all([
      this.#fetchAll(),
      this.#every(HEARTBEAT_MS, () => this.#heartbeat()),
      this.#every(COMMIT_MS, () => this.#commit()),
      this.#every(METADATA_MS, () => this.#lookForPartitions()),
    ]);
  }

  async #enter(): Promise<void> {
    const { joined, synced } = await this.#member.enter();
    if (joined.errorCode !== 0 || synced.errorCode !== 0) await this.#enter();
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    for (;;) {
      await sleep(this.#options.clock, ms);
      await work();
    }
  }

  async #heartbeat(): Promise<void> {
    // Another member joins, or has joined.
    if ((await this.#member.heartbeat()) !== 0) await this.#enter();
  }

  async #fetchAll(): Promise<void> {
    const { client, topic, partition, received } = this.#options;
    for (;;) {
      const request = fetchRequest(topic, { offset: this.#offset, partition, maxWaitMs: FETCH_WAIT_MS });
      const { responses } = await client.ask(ApiKey.Fetch, 12, request);
      const { errorCode, records } = responses[0]!.partitions[0]!;
      if (errorCode !== 0) throw new Error(`a fetch was answered with error ${errorCode}`);
      for (const value of valuesIn(records)) {
        this.#offset++;
        received(value);
      }
    }
  }

  async #commit(): Promise<void> {
    const { client, topic, partition } = this.#options;
    const { memberId, groupId, generation } = this.#member;
    await client.ask(ApiKey.OffsetCommit, 9, {
      groupId,
      memberId,
      generationIdOrMemberEpoch: generation,
      topics: [
        {
          name: topic.name,
          partitions: [{ partitionIndex: partition, committedOffset: this.#offset, committedMetadata: '' }],
        },
      ],
    });
  }

  async #lookForPartitions(): Promise<void> {
    const { client, topic } = this.#options;
    await client.ask(ApiKey.Metadata, 12, { topics: [{ name: topic.name }], allowAutoTopicCreation: false });
  }
}
