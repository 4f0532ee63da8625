import { setTimeout as wait } from 'node:timers/promises';
import { ApiKey, type RequestInput } from '../../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { type KafkaClient, TcpClient, type Told } from '../../support/kafka-client.ts';
import { scaled } from '../../support/machine.ts';
import { until } from '../../support/waiting.ts';
import type { Side } from './speaker.ts';

/** What both brokers are set to where their defaults differ, or where the default costs time. */
export const SETTINGS: Readonly<Record<string, string>> = {
  'num.partitions': '2',
  'group.initial.rebalance.delay.ms': '0',
  // The records have times of years ago.
  'log.retention.ms': '-1',
};

const SETTLED = { withinMs: 20_000, everyMs: 5 };
/** Kafka assigns after an interval, in another thread; Tidelog before it answers. */
export const KAFKA_SETTINGS: Readonly<Record<string, string>> = {
  ...SETTINGS,
  'group.consumer.min.assignment.interval.ms': '0',
  'group.consumer.assignment.interval.ms': '0',
};

/** Kafka answers everything that the scripts ask within this; ms. */
const ANSWER_TIMEOUT_MS = scaled(20_000);

/** Kafka's own words for 'ask again' while a topic or a coordinator comes up. */
const COMING_UP: ReadonlySet<number> = new Set([3, 5, 6, 9, 14, 15, 16]);

/** Tidelog in this process, telling its clients that it is where Kafka is. */
export async function tidelogSide(address: { host: string; port: number }, nodeId: number, clusterId: string) {
  const engine: Engine = await startEngine({
    address,
    settings: { ...SETTINGS, 'node.id': String(nodeId), 'cluster.id': clusterId },
  });
  const marker = await engine.client.ask(ApiKey.CreateTopics, 7, { topics: [newTopic(MARKER)] });
  if (marker.topics[0]?.errorCode !== 0) throw new Error(`no ${MARKER}: ${marker.topics[0]?.errorMessage}`);
  const side: Side = {
    tell: (key, version, body) => engine.client.tell(key, version, body),
    settle: async () => {},
    ready: async () => {},
  };
  return { side, close: () => engine.close() };
}

/** APIs whose effects are seen a moment after their answer: the broker follows its controller. */
const CHANGES: ReadonlySet<ApiKey> = new Set([
  ApiKey.Metadata,
  ApiKey.CreateTopics,
  ApiKey.DeleteTopics,
  ApiKey.CreatePartitions,
  ApiKey.AlterConfigs,
  ApiKey.IncrementalAlterConfigs,
]);

/** Not named as a case: its config is changed and waited for, as the controller's changes come in order. */
const MARKER = 'marker';

/** Kafka over TCP: as many connections as requests wait at the same time, a new one for each that it closes. */
export class KafkaSide implements Side {
  readonly #address: { readonly host: string; readonly port: number };
  readonly #idle: TcpClient[] = [];
  #changes = 0;

  private constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address;
  }

  static async connect(address: { readonly host: string; readonly port: number }): Promise<KafkaSide> {
    const side = new KafkaSide(address);
    await side.#ask(ApiKey.CreateTopics, 7, { topics: [newTopic(MARKER)] });
    await until(
      async () => {
        const found = await side.#ask(ApiKey.FindCoordinator, 3, { key: 'any', keyType: 0 });
        if (found.errorCode !== 0) return false;
        // Its first block of producer ids comes from the controller.
        const id = await side.#ask(ApiKey.InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1_000 });
        if (id.errorCode !== 0) return false;
        const beat = await side.#ask(ApiKey.Heartbeat, 3, { groupId: 'any', generationId: 1, memberId: 'm' });
        return !COMING_UP.has(beat.errorCode);
      },
      'Kafka to see its own change',
      SETTLED,
    );
    return side;
  }

  async tell<Key extends ApiKey>(key: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>> {
    const client = this.#idle.pop() ?? (await TcpClient.connect(this.#address));
    const told = await answered(client, key, version, body);
    if (told.kind === 'closed') client.close();
    else this.#idle.push(client);
    return told;
  }

  async settle(key: ApiKey): Promise<void> {
    if (!CHANGES.has(key)) return;
    const value = String(1_000_000 + ++this.#changes);
    const config = { name: 'retention.ms', configOperation: 0, value };
    const resource = { resourceType: 2, resourceName: MARKER };
    await this.#ask(ApiKey.IncrementalAlterConfigs, 1, {
      resources: [{ ...resource, configs: [config] }],
      validateOnly: false,
    });
    await until(
      async () => {
        const { results } = await this.#ask(ApiKey.DescribeConfigs, 4, {
          resources: [{ ...resource, configurationKeys: ['retention.ms'] }],
        });
        return results[0]?.configs[0]?.value === value;
      },
      'Kafka to see its own change',
      SETTLED,
    );
  }

  async ready(topic: string, partition: number): Promise<void> {
    await until(
      async () => {
        const { topics } = await this.#ask(ApiKey.ListOffsets, 8, {
          replicaId: -1,
          topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
        });
        return topics[0]?.partitions[0]?.errorCode === 0;
      },
      'Kafka to see its own change',
      SETTLED,
    );
  }

  close(): void {
    for (const client of this.#idle) client.close();
  }

  async #ask<Key extends ApiKey>(key: Key, version: number, body: RequestInput<Key>) {
    const told = await this.tell(key, version, body);
    if (told.kind !== 'answer') throw new Error(`Kafka: no answer to ${key}: ${told.kind}`);
    return told.body;
  }
}

function newTopic(name: string) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
}

async function answered<Key extends ApiKey>(
  client: KafkaClient,
  key: Key,
  version: number,
  body: RequestInput<Key>,
): Promise<Told<Key>> {
  const giveUp = new AbortController();
  const silent = wait(ANSWER_TIMEOUT_MS, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`Kafka does not answer API ${key} version ${version}: ${JSON.stringify(body)}`);
  });
  silent.catch(() => {});
  try {
    return await Promise.race([client.tell(key, version, body), silent]);
  } finally {
    giveUp.abort();
  }
}
