import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import { Connection } from '../connection.ts';
import type { Instance } from '../instance.ts';
import type { SimTopic } from '../topics.ts';
import { askMetadata } from './router.ts';

/** A client with Kafka's default `retries` of an admin call would go on for longer; many others try four times. */
const REFUSALS_MAX = 4;
/** Kafka's `retry.backoff.ms`. */
const BACKOFF_MS = 100;
/** Short enough that a node that remembers what it told still does when it is asked again. */
const THINK_MS = [20, 300] as const;

const LATEST = -1;
const FENCED = errorCode('FENCED_LEADER_EPOCH');

/**
 * Asks for the ends of partitions with the leader epoch that the Metadata of one node tells, always the same node as long as
 * it is there, and gives up when it was fenced four times in a row.
 */
export class Truster extends Caller {
  readonly #topic: SimTopic;

  constructor(cluster: Cluster, name: string, topic: SimTopic) {
    super(cluster, name);
    this.#topic = topic;
  }

  async run(mayStop: () => boolean): Promise<void> {
    let trusted: Instance | undefined;
    for (let partition = 0; !mayStop(); partition = (partition + 1) % this.#topic.partitions) {
      await this.sleep(randomInt(this.random, ...THINK_MS));
      if (trusted?.process.state !== 'up') {
        const { gateways } = this.cluster;
        trusted = gateways[randomInt(this.random, 0, gateways.length)];
      }
      if (trusted === undefined) continue;
      if (!(await this.#isServed(trusted, partition))) trusted = undefined;
    }
  }

  /** False where the trusted node did not answer, or the one that it named. */
  async #isServed(trusted: Instance, partition: number): Promise<boolean> {
    const epochs: number[] = [];
    for (;;) {
      const told = (await askMetadata(this, this.#topic, trusted))?.find((one) => one.partition === partition);
      const leader = told?.host === undefined ? undefined : this.cluster.byName(told.host);
      if (told === undefined || leader === undefined) return false;
      const code = await this.#list(leader, partition, told.epoch);
      if (code !== FENCED) return code === 0;
      epochs.push(told.epoch);
      if (epochs.length === REFUSALS_MAX) {
        const what = `${this.name} was fenced with epochs ${epochs.join(', ')} of partition ${partition} of ${this.#topic.name}`;
        this.cluster.world.report('fencedOff', `${what}, which ${trusted.name} told it`);
        return false;
      }
      await this.sleep(BACKOFF_MS);
    }
  }

  async #list(leader: Instance, partition: number, currentLeaderEpoch: number): Promise<number | undefined> {
    const connection = new Connection(this.cluster.world, this.name, leader, this.random);
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch, timestamp: LATEST }];
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: this.#topic.name, partitions }] };
    const answer = await connection.ask(ApiKey.ListOffsets, 7, body, ANSWER_TIMEOUT_MS);
    connection.close();
    return answer === 'closed' ? undefined : answer.topics[0]?.partitions[0]?.errorCode;
  }
}
