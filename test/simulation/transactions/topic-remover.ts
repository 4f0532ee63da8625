import { errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import type { SimTopic } from '../topics.ts';

const GONE = new Set([errorCode('NONE'), errorCode('UNKNOWN_TOPIC_ID'), errorCode('UNKNOWN_TOPIC_OR_PARTITION')]);

/** Deletes a topic in the middle of the transactions that write to it. */
export class TopicRemover extends Caller {
  readonly #topic: SimTopic;
  readonly #withinMs: number;

  constructor(cluster: Cluster, name: string, topic: SimTopic, withinMs: number) {
    super(cluster, name);
    this.#topic = topic;
    this.#withinMs = withinMs;
  }

  async run(): Promise<void> {
    const topic = this.#topic;
    if (topic.deleting) return;
    await this.sleep(this.random.next() * this.#withinMs);
    topic.deleting = true;
    this.cluster.world.transactions.removes(topic.id);
    this.cluster.world.note('removing', topic.name);
    const topics = [{ name: null, topicId: topic.id }];
    await this.insist(ApiKey.DeleteTopics, 6, { topics, timeoutMs: 3_000 }, (answer) =>
      GONE.has(answer.responses[0]!.errorCode) ? true : undefined,
    );
  }
}
