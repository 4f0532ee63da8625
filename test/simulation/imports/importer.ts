import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import { randomInt } from '../../../lib/core/random.ts';
import type { ImportEnvironment } from '../../../lib/imports/environment.ts';
import { importTopic } from '../../../lib/imports/import-topic.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import { Consumer, type ConsumerPlan } from '../consumer.ts';
import type { Instance } from '../instance.ts';
import { Producer, type ProducerPlan } from '../producer.ts';
import { findTopic, type SimTopic } from '../topics.ts';
import { type FileLog, makeFiles } from './log-files.ts';

export interface ImportPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly journals: number;
  readonly configs?: Readonly<Record<string, string>>;
  /** Chance after each failure that other files are imported under the name from then on. */
  readonly changes: number;
  readonly producer: ProducerPlan;
  readonly consumer: ConsumerPlan;
}

/** Small, so that there are many objects and entries. */
const SET_BYTES = [150, 1_500] as const;

/** Whoever waits for an import tries it elsewhere after this time, whatever the first process does; ms. */
const PATIENCE_MS = [300, 8_000] as const;

/** Beyond the ids that were given out, or among them. */
const PRODUCER_IDS_FROM = [500, 12_000] as const;

/** Imports a topic from files, by one process after the other and several at once, and then uses it like any other. */
export class Importer extends Caller {
  readonly #plan: ImportPlan;
  #files: readonly FileLog[];
  #topic: SimTopic | undefined;
  #lives = 0;
  acknowledged = 0;

  constructor(cluster: Cluster, name: string, plan: ImportPlan) {
    super(cluster, name);
    this.#plan = plan;
    this.#files = this.#makeFiles();
  }

  get topic(): SimTopic | undefined {
    return this.#topic;
  }

  async run(): Promise<void> {
    this.#topic ??= await this.#import();
    if (this.#topic === undefined) return;
    const name = `${this.name}${this.#lives++}`;
    const { plan, cluster } = { plan: this.#plan, cluster: this.cluster };
    const producer = new Producer(cluster, `${name}p`, this.#topic, plan.producer);
    const consumers = [true, false].map(
      (committed) => new Consumer(cluster, `${name}c`, this.#topic!, { ...plan.consumer, committed }),
    );
    let produced = false;
    await Promise.all([
      producer.run().then(() => {
        produced = true;
      }),
      ...consumers.map((consumer) => consumer.run(() => produced)),
    ]);
    this.acknowledged += producer.acknowledged;
  }

  #makeFiles(): readonly FileLog[] {
    const { topic, partitions } = this.#plan;
    const { world } = this.cluster;
    const producerIdsFrom = randomInt(this.random, ...PRODUCER_IDS_FROM);
    const files = Array.from({ length: partitions }, (_, partition) =>
      makeFiles(world, this.random, { name: topic, partition, producerIdsFrom }),
    );
    world.imports.expect(topic, files);
    return files;
  }

  async #import(): Promise<SimTopic | undefined> {
    const { world } = this.cluster;
    await this.sleep(this.random.next() * 500);
    while (world.violations.length === 0) {
      const patienceMs = randomInt(this.random, ...PATIENCE_MS);
      const late = this.sleep(patienceMs).then(() => 'late' as const);
      const outcome = await Promise.race([this.#attempt(this.cluster.pick(this.random)), late]);
      world.note('import', this.name, outcome);
      if (outcome === 'done') return findTopic(this, this.#plan.topic);
      if (this.random.next() < this.#plan.changes) this.#files = this.#makeFiles();
      await this.pause();
    }
    return undefined;
  }

  async #attempt(instance: Instance): Promise<'done' | 'failed'> {
    const { topic, journals, configs } = this.#plan;
    const { world } = this.cluster;
    const sources = this.#files.map(({ source }) => source);
    const setBytes = randomInt(this.random, ...SET_BYTES);
    await instance.ready();
    try {
      const outcome = await importTopic(environmentOf(instance), {
        topic,
        sources,
        configs: { 'tidelog.journals': String(journals), ...configs },
        setBytes,
      });
      if (outcome.kind === 'rejected' && outcome.error !== 'TOPIC_ALREADY_EXISTS') {
        world.report('unexpectedError', `${this.name}: ${outcome.error} ${outcome.message}`);
      }
      await instance.process.pass();
      return 'done';
    } catch (error) {
      if (error instanceof StoreUnavailableError) return 'failed';
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.report('engineError', `${instance.name}: import: ${message}`);
      return 'failed';
    }
  }
}

function environmentOf(instance: Instance): ImportEnvironment {
  const { admin } = instance.engine.broker;
  const { stores, clock, random, logger } = admin.journals.env;
  const changes = { state: stores.state, clock, random };
  return {
    admin,
    leaders: new LeaderItems({ ...changes, logger }),
    index: new SegmentIndex(changes),
    due: new DueList(changes),
  };
}
