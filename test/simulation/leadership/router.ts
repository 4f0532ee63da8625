import { errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import type { Caller } from '../caller.ts';
import { Connection } from '../connection.ts';
import type { Instance } from '../instance.ts';
import { journalOf, type SimTopic } from '../topics.ts';

const METADATA_VERSION = 12;

/** Errors after which a client asks where the leaders are now. */
export const MOVED: ReadonlySet<number> = new Set([
  errorCode('NOT_LEADER_OR_FOLLOWER'),
  errorCode('FENCED_LEADER_EPOCH'),
  errorCode('UNKNOWN_LEADER_EPOCH'),
]);

/** What a client knows of a partition. */
export interface Place {
  readonly host: string | undefined;
  readonly epoch: number;
}

/**
 * Where a client of a fleet believes the leaders of a topic to be, learnt from whichever broker. As Kafka's clients do, it takes no
 * older epoch for a newer one.
 */
export class Router {
  readonly #caller: Caller;
  readonly #topic: SimTopic;
  readonly #places: Place[];
  readonly #connections = new Map<string, Connection>();
  #asking: Promise<void> | undefined;

  constructor(caller: Caller, topic: SimTopic) {
    this.#caller = caller;
    this.#topic = topic;
    this.#places = Array.from({ length: topic.partitions }, () => ({ host: undefined, epoch: -1 }));
  }

  placeOf(partition: number): Place {
    return this.#places[partition]!;
  }

  /** The way to a partition's leader, or to some gateway where none is known or there; undefined if there is no gateway at all. */
  connectionTo(partition: number): Connection | undefined {
    const { host } = this.placeOf(partition);
    const { cluster, name, random } = this.#caller;
    const { gateways } = cluster;
    const known = host === undefined ? undefined : cluster.byName(host);
    const isThere = known !== undefined && known.process.state !== 'down';
    const instance = isThere ? known : gateways[Math.floor(random.next() * gateways.length)];
    if (instance === undefined) return undefined;
    let connection = this.#connections.get(instance.name);
    if (connection?.usable !== true) {
      connection = new Connection(cluster.world, name, instance, random);
      this.#connections.set(instance.name, connection);
    }
    return connection;
  }

  /** Breaks with all brokers, as a client does that gives up waiting. */
  leave(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /** Asks some broker where the leaders are. Calls at the same time share the answer. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const caller = this.#caller;
    const { cluster } = caller;
    const gateways = cluster.gateways;
    const asked = gateways[Math.floor(caller.random.next() * gateways.length)];
    if (asked === undefined) return caller.pause();
    const answer = await askMetadata(caller, this.#topic, asked);
    if (answer === undefined) return caller.pause();
    for (const { partition, host, epoch } of answer) {
      if (epoch >= this.placeOf(partition).epoch) this.#places[partition] = { host, epoch };
    }
  }
}

interface ToldPlace extends Place {
  readonly partition: number;
}

/** A gateway's Metadata for a topic, held against what it told before; undefined if it did not answer. */
export async function askMetadata(
  caller: Caller,
  topic: SimTopic,
  asked: Instance,
): Promise<readonly ToldPlace[] | undefined> {
  const { leadership } = caller.cluster.world;
  const floors = Array.from({ length: topic.partitions }, (_, n) => leadership.toldBy(asked, journalOf(topic, n)));
  const connection = new Connection(caller.cluster.world, caller.name, asked, caller.random);
  const body = { topics: [{ name: topic.name }], allowAutoTopicCreation: false };
  const answer = await connection.ask(ApiKey.Metadata, METADATA_VERSION, body, METADATA_TIMEOUT_MS);
  connection.close();
  if (answer === 'closed') return undefined;
  const hosts = new Map(answer.brokers.map(({ nodeId, host }) => [nodeId, host]));
  return (answer.topics[0]?.partitions ?? []).map(({ partitionIndex, leaderId, leaderEpoch }) => {
    leadership.told(asked, journalOf(topic, partitionIndex), leaderEpoch, floors[partitionIndex]!);
    return { partition: partitionIndex, host: hosts.get(leaderId), epoch: leaderEpoch };
  });
}

const METADATA_TIMEOUT_MS = 3_000;
