import {
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  Producer,
  stringSerializers,
} from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodecName } from '../../lib/records/compression/codec.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { itWritesAndReads } from '../support/client-suite.ts';
import { PlatformaticClient, platformaticHasZstd, platformaticOptions } from '../support/platformatic-client.ts';
import { have } from '../support/tools.ts';

const CODECS: CodecName[] = ['none', 'gzip', 'snappy', 'lz4'];
const HAVE_ZSTD = have(
  'zstd in Node',
  platformaticHasZstd,
  'Run on Node 22.15 or later to test @platformatic/kafka with zstd.',
);
if (HAVE_ZSTD) CODECS.push('zstd');

/** The error codes of answers that it was refused with; they lie at some depth within what it throws. */
async function refusal(request: Promise<unknown>): Promise<number[]> {
  const codesIn = (error: unknown): number[] => {
    const { errors = [], apiCode } = error as { errors?: unknown[]; apiCode?: number };
    return [...(apiCode === undefined ? [] : [apiCode]), ...errors.flatMap(codesIn)];
  };
  return request.then(() => [], codesIn);
}

describe('@platformatic/kafka', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: PlatformaticClient;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = new PlatformaticClient(broker);
  });

  afterAll(async () => {
    await client.close();
    await broker.stop();
    folder.remove();
  });

  itWritesAndReads({ name: 'platformatic', codecs: CODECS, broker: () => broker, client: () => client });

  describe('admin', () => {
    it('creates topics, once, lists and describes them', async () => {
      const created = await client.admin.createTopics({ topics: ['admin-a', 'admin-b'], partitions: 4, replicas: 1 });
      expect(created).toMatchObject([
        { name: 'admin-a', partitions: 4, replicas: 1 },
        { name: 'admin-b', partitions: 4, replicas: 1 },
      ]);
      expect(await client.admin.listTopics()).toEqual(expect.arrayContaining(['admin-a', 'admin-b']));
      const metadata = await client.admin.metadata({ topics: ['admin-a'], forceUpdate: true });
      expect(metadata.id).toMatch(/^[\w-]{22}$/);
      expect([...metadata.brokers]).toEqual([[0, expect.objectContaining({ host: broker.host, port: broker.port })]]);
      expect(metadata.topics.get('admin-a')).toMatchObject({
        id: created[0]!.id,
        partitionsCount: 4,
        partitions: [0, 1, 2, 3].map(() => ({ leader: 0, replicas: [0], isr: [0], offlineReplicas: [] })),
      });
    });

    it('is told why a topic cannot be created', async () => {
      const create = (topic: string, configs: { name: string; value: string }[] = []) =>
        client.admin.createTopics({ topics: [topic], configs });
      expect(await refusal(create('admin-a'))).toEqual([36]);
      expect(await refusal(create('not/allowed'))).toEqual([17]);
      expect(await refusal(create('admin-c', [{ name: 'no.such.config', value: '1' }]))).toEqual([40]);
      expect(await refusal(client.admin.createTopics({ topics: ['admin-c'], replicas: 0 }))).toEqual([38]);
    });

    it('describes and alters configs', async () => {
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'admin-a' };
      const describe = async () => {
        const [described] = await client.admin.describeConfigs({ resources: [resource], includeSynonyms: true });
        return new Map(described!.configs.map((config) => [config.name, config]));
      };
      expect((await describe()).get('retention.ms')).toMatchObject({ value: '604800000', configSource: 5 });
      const { SET, DELETE } = IncrementalAlterConfigOperationTypes;
      const alter = (configs: Parameters<typeof client.admin.incrementalAlterConfigs>[0]['resources'][0]['configs']) =>
        client.admin.incrementalAlterConfigs({ resources: [{ ...resource, configs }] });
      await alter([
        { name: 'retention.ms', configOperation: SET, value: '1000' },
        { name: 'max.message.bytes', configOperation: SET, value: '2000' },
      ]);
      const altered = await describe();
      expect(altered.get('retention.ms')).toMatchObject({ value: '1000', configSource: 1, readOnly: false });
      expect(altered.get('max.message.bytes')).toMatchObject({ value: '2000', configSource: 1 });
      await alter([{ name: 'retention.ms', configOperation: DELETE }]);
      expect((await describe()).get('retention.ms')).toMatchObject({ value: '604800000', configSource: 5 });
      const unknown = [{ name: 'no.such.config', configOperation: SET, value: '1' }];
      expect(await refusal(alter(unknown))).toEqual([40]);
      expect((await describe()).get('max.message.bytes')).toMatchObject({ value: '2000' });
    });

    it('tells offsets', async () => {
      const producer = new Producer({ ...platformaticOptions(broker), serializers: stringSerializers });
      const messages = ['one', 'two', 'three'].map((value, index) => ({
        ...{ topic: 'admin-b', partition: 2, value },
        timestamp: BigInt(1_000 * (index + 1)),
      }));
      const { offsets } = await producer.send({ messages, acks: -1 });
      expect(offsets).toEqual([{ topic: 'admin-b', partition: 2, offset: 0n }]);
      await producer.close();
      const at = async (timestamp: bigint) => {
        const partitions = [1, 2].map((partitionIndex) => ({ partitionIndex, timestamp }));
        const [listed] = await client.admin.listOffsets({ topics: [{ name: 'admin-b', partitions }] });
        const sorted = [...listed!.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex);
        return sorted.map(({ offset }) => offset);
      };
      expect(await at(-2n)).toEqual([0n, 0n]);
      expect(await at(-1n)).toEqual([0n, 3n]);
      expect(await at(1_500n)).toEqual([-1n, 1n]);
      expect(await at(3_001n)).toEqual([-1n, -1n]);
    });

    it('tells the size of every partition', async () => {
      const [described] = await client.admin.describeLogDirs({ topics: [{ name: 'admin-b', partitions: [1, 2] }] });
      expect(described).toMatchObject({ broker: 0 });
      expect(described!.results).toHaveLength(1);
      const partitions = described!.results[0]!.topics.flatMap((topic) => topic.partitions);
      const sizes = new Map(partitions.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize]));
      expect([...sizes.keys()].sort()).toEqual([1, 2]);
      expect(sizes.get(1)).toBe(0n);
      expect(sizes.get(2)).toBeGreaterThan(0n);
    });

    it('adds partitions, never takes any', async () => {
      const grow = (count: number) =>
        client.admin.createPartitions({ topics: [{ name: 'admin-a', count, assignments: null }] });
      await grow(6);
      const { topics } = await client.admin.metadata({ topics: ['admin-a'], forceUpdate: true });
      expect(topics.get('admin-a')!.partitionsCount).toBe(6);
      expect(await refusal(grow(2))).toEqual([37]);
    });

    it('deletes topics', async () => {
      await client.admin.deleteTopics({ topics: ['admin-a'] });
      expect(await client.admin.listTopics()).not.toContain('admin-a');
      expect(await refusal(client.admin.deleteTopics({ topics: ['admin-a'] }))).toEqual([3]);
      await expect(client.admin.metadata({ topics: ['admin-a'], forceUpdate: true })).rejects.toThrow('Unknown topic');
    });
  });

  it('is told of a record that is too large, and of a topic that is not there', async () => {
    const producer = new Producer({ ...platformaticOptions(broker), serializers: stringSerializers });
    const large = { topic: 'admin-b', partition: 0, value: 'x'.repeat(2_000_000) };
    expect(await refusal(producer.send({ messages: [large], acks: -1 }))).toEqual([10]);
    const nowhere = { topic: 'nowhere', value: 'v' };
    await expect(producer.send({ messages: [nowhere], acks: -1 })).rejects.toThrow('Unknown topic');
    await producer.close();
  });

  it('is told of an offset that is out of range', async () => {
    expect(await client.read('platformatic-nulls', new Map([[0, 2]]))).toMatchObject([{ value: 'v' }]);
    expect(await refusal(client.read('platformatic-nulls', new Map([[0, 9]])))).toEqual([1]);
  });

  it('is served without a word of warning', () => {
    expect(broker.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
