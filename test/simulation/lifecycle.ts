import { errorCode } from '../../lib/core/errors.ts';
import { randomInt } from '../../lib/core/random.ts';
import { journalId } from '../../lib/storage/items/journal-entry.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { Caller } from './caller.ts';
import type { Cluster } from './cluster.ts';
import { Consumer } from './consumer.ts';
import { Producer } from './producer.ts';
import { createTopic, type SimTopic } from './topics.ts';

export interface LifecyclePlan {
  /** Lives of the topic in each stretch of the run. */
  readonly lives: number;
  readonly batches: number;
  /** Others change the topic and ask for what is not there yet, all the time. */
  readonly crowded?: boolean;
}

const CROWD = 3;
const NONE = errorCode('NONE');
const GONE = new Set([NONE, errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorCode('UNKNOWN_TOPIC_ID')]);
const ALREADY = errorCode('INVALID_PARTITIONS');

/** Creates a topic, uses it, gives it more partitions, deletes it while it is in use, and creates it again under the same name. */
export class Lifecycle extends Caller {
  readonly plan: LifecyclePlan;
  readonly #ids = new Set<string>();
  #lives = 0;
  acknowledged = 0;

  constructor(cluster: Cluster, name: string, plan: LifecyclePlan) {
    super(cluster, name);
    this.plan = plan;
  }

  async run(): Promise<void> {
    for (let left = this.plan.lives; left > 0 && this.cluster.world.violations.length === 0; left--) await this.#life();
  }

  async #life(): Promise<void> {
    const { world } = this.cluster;
    const life = this.#lives++;
    const partitions = randomInt(this.random, 1, 4);
    const created = await Promise.all([
      this.#create(this, partitions),
      this.#create(new Caller(this.cluster, 'rival'), partitions),
    ]);
    const topic = created[0];
    if (created[1].id !== topic.id) world.report('createdTwice', `${topic.name} is ${topic.id} and ${created[1].id}`);
    if (this.#ids.has(topic.id))
      world.report('createdTwice', `${topic.name} got the id ${topic.id} of an earlier life`);
    this.#ids.add(topic.id);
    await this.#use(topic, `${this.name}${life}a`);
    if (this.random.next() < 0.6) {
      await this.#grow(topic, topic.partitions + randomInt(this.random, 1, 3));
      if (this.random.next() < 0.5) await this.#use(topic, `${this.name}${life}b`);
    }
    if (this.plan.crowded === true) this.#disturb(topic);
    const late = this.#producer(topic, `${this.name}${life}c`);
    const running = late.run();
    await this.sleep(this.random.next() * 200);
    await this.#remove(topic);
    await running;
    this.acknowledged += late.acknowledged;
  }

  #create(caller: Caller, partitions: number): Promise<SimTopic> {
    return createTopic(caller, this.name, partitions, 2, this.#ids);
  }

  #producer(topic: SimTopic, name: string): Producer {
    return new Producer(this.cluster, name, topic, {
      idempotent: this.random.next() < 0.7,
      batches: this.plan.batches,
      recordsMax: 2,
      valueBytes: 40,
      thinkMs: 4,
      timeoutMs: 2_000,
      slowStart: true,
      byId: true,
    });
  }

  async #use(topic: SimTopic, name: string): Promise<void> {
    const producer = this.#producer(topic, name);
    const committed = this.random.next() < 0.5;
    const consumer = new Consumer(this.cluster, `${name}r`, topic, {
      committed,
      maxWaitMs: 200,
      maxBytes: 2_000,
      wander: 0.2,
      byId: true,
    });
    let produced = false;
    await Promise.all([
      producer.run().then(() => {
        produced = true;
      }),
      consumer.run(() => produced),
    ]);
    this.acknowledged += producer.acknowledged;
  }

  async #grow(topic: SimTopic, count: number): Promise<void> {
    const topics = [{ name: topic.name, count, assignments: null }];
    const asking = this.plan.crowded === true ? this.#askFor(topic, count - 1) : undefined;
    await this.insist(ApiKey.CreatePartitions, 3, { topics, timeoutMs: 3_000, validateOnly: false }, (answer) => {
      const code = answer.results[0]!.errorCode;
      return code === NONE || code === ALREADY ? true : undefined;
    });
    topic.partitions = count;
    asking?.();
  }

  /** Has clients ask for a partition that is only just coming; returns what ends that. */
  #askFor(topic: SimTopic, partitionIndex: number): () => void {
    let grown = false;
    const partitions = [{ partitionIndex, currentLeaderEpoch: -1, timestamp: -1 }];
    for (let client = 0; client < CROWD; client++) {
      const caller = new Caller(this.cluster, 'early');
      void (async () => {
        while (!grown) {
          await caller.ask(ApiKey.ListOffsets, 7, {
            replicaId: -1,
            isolationLevel: 0,
            topics: [{ name: topic.name, partitions }],
          });
          await caller.sleep(this.random.next() * 10);
        }
      })();
    }
    return () => {
      grown = true;
    };
  }

  /** Gives the topic more partitions while it is being deleted; whether that succeeds is nobody's concern. */
  #disturb(topic: SimTopic): void {
    for (let more = 1; more <= CROWD; more++) {
      const topics = [{ name: topic.name, count: topic.partitions + more, assignments: null }];
      void new Caller(this.cluster, 'other').ask(ApiKey.CreatePartitions, 3, {
        topics,
        timeoutMs: 3_000,
        validateOnly: false,
      });
    }
  }

  async #remove(topic: SimTopic): Promise<void> {
    const { world } = this.cluster;
    topic.deleting = true;
    await this.insist(
      ApiKey.DeleteTopics,
      6,
      { topics: [{ name: null, topicId: topic.id }], timeoutMs: 3_000 },
      (answer) => (GONE.has(answer.responses[0]!.errorCode) ? true : undefined),
    );
    for (let index = 0; index < topic.journals; index++) {
      const journal = world.ledger.journals.get(journalId(topic.id, index));
      if (journal?.closed !== true)
        world.report('deleteLost', `journal ${index} of ${topic.name} is open after its deletion`);
    }
    world.note('removed', topic.name, topic.id);
  }
}
