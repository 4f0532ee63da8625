import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { denyAll } from '../support/authorizer.ts';
import { ADDRESS, type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/* What is not about the node itself, and every error, is what Apache Kafka 4.3.1 answers. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

const METADATA = '__cluster_metadata';

async function quorum(...topics: [string, ...number[]][]) {
  return engine.client.ask(ApiKey.DescribeQuorum, 2, {
    topics: topics.map(([topicName, ...partitions]) => ({
      topicName,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
    })),
  });
}

describe('DescribeQuorum', () => {
  it('shows the node itself as leader and only voter, with nothing in a log', async () => {
    const nowhere = { lastFetchTimestamp: -1, lastCaughtUpTimestamp: -1, replicaDirectoryId: ZERO_UUID };
    expect(await quorum([METADATA, 0])).toEqual({
      errorCode: 0,
      errorMessage: '',
      topics: [
        {
          topicName: METADATA,
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 0,
              errorMessage: '',
              leaderId: 0,
              leaderEpoch: 0,
              highWatermark: 0,
              currentVoters: [{ replicaId: 0, logEndOffset: 0, ...nowhere }],
              observers: [],
            },
          ],
        },
      ],
      nodes: [{ nodeId: 0, listeners: [{ name: 'PLAINTEXT', ...ADDRESS }] }],
    });
  });

  it.each<[string, [string, ...number[]][]]>([
    ['another partition', [[METADATA, 1]]],
    ['another topic', [['placed', 0]]],
    ['a partition twice', [[METADATA, 0, 0]]],
    [
      'a topic beside it',
      [
        [METADATA, 0],
        ['x', 0],
      ],
    ],
  ])('knows nothing of %s', async (_, topics) => {
    const answer = await quorum(...topics);
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: '', nodes: [] });
    expect(
      answer.topics.map(({ topicName, partitions }) => [topicName, ...partitions.map((one) => one.partitionIndex)]),
    ).toEqual(topics);
    for (const partition of answer.topics.flatMap(({ partitions }) => partitions)) {
      expect(partition).toMatchObject({
        errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'),
        errorMessage: 'This server does not host this topic-partition.',
        leaderId: 0,
        leaderEpoch: 0,
        highWatermark: 0,
        currentVoters: [],
        observers: [],
      });
    }
  });

  it('answers no topics and no partitions with none', async () => {
    expect(await quorum()).toMatchObject({ errorCode: 0, topics: [], nodes: [] });
    expect(await quorum([METADATA])).toMatchObject({ errorCode: 0, topics: [{ partitions: [] }], nodes: [] });
  });
});

describe('features', () => {
  it.each([
    [3, []],
    [4, [{ name: 'transaction.version', minVersion: 0, maxVersion: 2 }]],
  ] as const)('ApiVersions %i has transaction.version alone', async (version, supportedFeatures) => {
    const answer = await engine.client.ask(ApiKey.ApiVersions, version, {
      clientSoftwareName: 'client',
      clientSoftwareVersion: '1',
    });
    const finalized = { name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 };
    expect(answer).toMatchObject({ supportedFeatures, finalizedFeatures: [finalized], finalizedFeaturesEpoch: 2 });
  });

  it('transaction.version can be held at 1 by a setting', async () => {
    const { client } = await startEngine({ settings: { 'tidelog.transaction.version': '1' } });
    const body = { clientSoftwareName: 'client', clientSoftwareVersion: '1' };
    expect(await client.ask(ApiKey.ApiVersions, 4, body)).toMatchObject({
      finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: 1, minVersionLevel: 1 }],
      finalizedFeaturesEpoch: 1,
    });
  });

  const update = (version: number, ...features: [string, number][]) =>
    engine.client.ask(ApiKey.UpdateFeatures, version, {
      featureUpdates: features.map(([feature, maxVersionLevel]) => ({
        feature,
        maxVersionLevel,
        ...(version === 0 ? { allowDowngrade: false } : {}),
      })),
    });

  it.each<[string, number, string]>([
    ['metadata.version', 30, 'Local controller 0 does not support this feature.'],
    ['transaction.version', 3, 'Local controller 0 only supports versions 1-2'],
    ['transaction.version', 0, 'Local controller 0 only supports versions 1-2'],
    [
      'transaction.version',
      1,
      "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
    ],
    ['', 1, 'Local controller 0 does not support this feature.'],
    ['group.version', 0, 'Feature group.version not found.'],
    ['group.version', -1, 'A feature version cannot be less than 0.'],
  ])('UpdateFeatures refuses %s at %i', async (feature, level, reason) => {
    for (const version of [0, 1, 2]) {
      expect(await update(version, [feature, level], ['other', 1])).toMatchObject({
        errorCode: errorCode('INVALID_UPDATE_VERSION'),
        errorMessage:
          'The update failed for all features since the following feature had an error: ' +
          `Invalid update version ${level} for feature ${feature}. ${reason}`,
        results: [],
      });
    }
  });

  it('UpdateFeatures to the level that is there is fine', async () => {
    const results = [{ feature: 'transaction.version', errorCode: 0 }];
    expect(await update(1, ['transaction.version', 2])).toMatchObject({ errorCode: 0, results });
    expect(await update(2, ['transaction.version', 2])).toMatchObject({ errorCode: 0, results: [] });
  });

  describe('the level of transaction.version', () => {
    const SAFE_DOWNGRADE = 2;
    const update = (by: Engine, maxVersionLevel: number, upgradeType = 1, validateOnly = false) =>
      by.client.ask(ApiKey.UpdateFeatures, 1, {
        featureUpdates: [{ feature: 'transaction.version', maxVersionLevel, upgradeType }],
        validateOnly,
      });
    const shown = async (by: Engine) => {
      const body = { clientSoftwareName: 'client', clientSoftwareVersion: '1' };
      const answer = await by.client.ask(ApiKey.ApiVersions, 4, body);
      return [answer.finalizedFeatures[0]!.maxVersionLevel, answer.finalizedFeaturesEpoch];
    };

    it('is changed for all processes, which learn of it within 30 seconds', async () => {
      const clock = new VirtualClock();
      const stores = emptyStores(clock);
      const [one, other] = [await startEngine({ stores, clock }), await startEngine({ stores, clock })];
      expect([await shown(one), await shown(other)]).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expect(await update(one, 1, SAFE_DOWNGRADE, true)).toMatchObject({ errorCode: 0 });
      expect(await shown(one)).toEqual([2, 2]);
      expect(await update(one, 1, SAFE_DOWNGRADE)).toMatchObject({ errorCode: 0, errorMessage: null });
      expect([await shown(one), await shown(other)]).toEqual([
        [1, 3],
        [2, 2],
      ]);
      await clock.advance(30_000);
      expect(await shown(other)).toEqual([1, 3]);
      expect(await update(other, 2)).toMatchObject({ errorCode: 0 });
      expect(await shown(await startEngine({ stores, clock }))).toEqual([2, 4]);
    });

    it('is not changed twice by the same request', async () => {
      const one = await startEngine();
      for (let count = 0; count < 2; count++) await update(one, 1, SAFE_DOWNGRADE);
      expect(await shown(one)).toEqual([1, 3]);
    });

    it.each([
      [2, 4, 'The controller does not support the given upgrade type.'],
      [2, 0, 'The controller does not support the given upgrade type.'],
    ])('stays for level %i of type %i', async (level, upgradeType, reason) => {
      const one = await startEngine();
      expect(await update(one, level, upgradeType)).toMatchObject({
        errorCode: errorCode('INVALID_UPDATE_VERSION'),
        errorMessage: expect.stringContaining(reason),
      });
    });

    it('is not raised by a downgrade', async () => {
      const one = await startEngine();
      await update(one, 1, SAFE_DOWNGRADE);
      expect(await update(one, 2, SAFE_DOWNGRADE)).toMatchObject({
        errorMessage: expect.stringContaining("Can't downgrade to a newer version."),
      });
      expect(await shown(one)).toEqual([1, 3]);
    });

    it('stays where the setting says so, whatever is stored', async () => {
      const clock = new VirtualClock();
      const stores = emptyStores(clock);
      await update(await startEngine({ stores, clock }), 1, SAFE_DOWNGRADE);
      const held = await startEngine({ stores, clock, settings: { 'tidelog.transaction.version': '2' } });
      expect(await shown(held)).toEqual([2, 2]);
      expect(await update(held, 1, SAFE_DOWNGRADE)).toMatchObject({
        errorCode: errorCode('INVALID_UPDATE_VERSION'),
        errorMessage: expect.stringContaining('The setting tidelog.transaction.version keeps it at 2.'),
      });
    });
  });

  it('UpdateFeatures of nothing is fine', async () => {
    for (const version of [0, 1, 2]) {
      expect(await update(version)).toMatchObject({ errorCode: 0, errorMessage: null, results: [] });
    }
  });
});

it('DescribeQuorum and UpdateFeatures are refused whole to whoever lacks the right', async () => {
  const { client, broker } = await startEngine();
  Object.assign(broker, { authorize: denyAll });
  const denied = {
    errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'),
    errorMessage: 'Cluster authorization failed.',
  };
  const topics = [{ topicName: METADATA, partitions: [{ partitionIndex: 0 }] }];
  expect(await client.ask(ApiKey.DescribeQuorum, 2, { topics })).toMatchObject({ ...denied, topics: [], nodes: [] });
  expect(await client.ask(ApiKey.UpdateFeatures, 1, { featureUpdates: [] })).toMatchObject({ ...denied, results: [] });
});

it.each([
  ['DescribeQuorum', ApiKey.DescribeQuorum],
  ['AlterPartitionReassignments', ApiKey.AlterPartitionReassignments],
] as const)('%s that names too much closes the connection', async (_, key) => {
  const partitions = Array.from({ length: 20_001 }, (_unused, partitionIndex) => ({ partitionIndex, replicas: null }));
  const told =
    key === ApiKey.DescribeQuorum
      ? await engine.client.tell(key, 0, { topics: [{ topicName: METADATA, partitions }] })
      : await engine.client.tell(key, 0, { topics: [{ name: METADATA, partitions }] });
  expect(told).toMatchObject({ kind: 'closed', reason: expect.stringContaining('at most 20000 elements') });
});
