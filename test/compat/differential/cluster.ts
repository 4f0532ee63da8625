import { ApiKey } from '../../../lib/wire/apis.ts';
import type { Family, Speaker } from './speaker.ts';

/** What is asked about the cluster as a whole. */
export const cluster: Family = {
  name: 'cluster',
  async run(speaker) {
    await speaker.every('described', ApiKey.DescribeCluster, () => ({ includeClusterAuthorizedOperations: false }));
    await speaker.every('with operations', ApiKey.DescribeCluster, () => ({
      includeClusterAuthorizedOperations: true,
    }));
    for (const endpointType of [0, 2, 3, -1]) {
      await speaker.every(
        `endpoints of type ${endpointType}`,
        ApiKey.DescribeCluster,
        () => ({ includeClusterAuthorizedOperations: false, endpointType }),
        { from: 1 },
      );
    }
    await speaker.ask('with fenced brokers', ApiKey.DescribeCluster, 2, {
      includeClusterAuthorizedOperations: false,
      includeFencedBrokers: true,
    });
    const software = (clientSoftwareName: string, clientSoftwareVersion: string) => () => ({
      clientSoftwareName,
      clientSoftwareVersion,
    });
    await speaker.every('versions', ApiKey.ApiVersions, software('a', '1'));
    await speaker.every('no software', ApiKey.ApiVersions, software('', ''), { from: 3 });
    await speaker.every('odd software', ApiKey.ApiVersions, software('a b', '1'), { from: 3 });
    await speaker.every('software with a dash', ApiKey.ApiVersions, software('-a', '1'), { from: 3 });

    await speaker.every('a coordinator', ApiKey.FindCoordinator, (version) =>
      version >= 4 ? { coordinatorKeys: ['some-group'] } : { key: 'some-group' },
    );
    await speaker.every('of the empty group', ApiKey.FindCoordinator, (version) =>
      version >= 4 ? { coordinatorKeys: [''] } : { key: '' },
    );
    await speaker.every('twice', ApiKey.FindCoordinator, () => ({ coordinatorKeys: ['a', 'b', 'a'] }), { from: 4 });
    await speaker.every('of nothing', ApiKey.FindCoordinator, () => ({ coordinatorKeys: [] }), { from: 4 });
    for (const keyType of [1, 2, 3, -1]) {
      await speaker.every(
        `of type ${keyType}`,
        ApiKey.FindCoordinator,
        (version) => (version >= 4 ? { keyType, coordinatorKeys: ['k'] } : { keyType, key: 'k' }),
        { from: 1 },
      );
    }
    const id = { transactionTimeoutMs: 60_000 };
    await speaker.every('a producer id', ApiKey.InitProducerId, () => ({ ...id, transactionalId: null }));
    await speaker.every('of an empty transactional id', ApiKey.InitProducerId, () => ({ ...id, transactionalId: '' }));
    for (const transactionTimeoutMs of [0, -1, 2147483647]) {
      const body = { transactionalId: null, transactionTimeoutMs };
      await speaker.ask(`time-out ${transactionTimeoutMs}`, ApiKey.InitProducerId, 4, body);
    }
    for (const [producerId, producerEpoch] of [
      [5, -1],
      [-1, 5],
      [5, 5],
      [-2, -2],
    ] as const) {
      const body = { ...id, transactionalId: null, producerId, producerEpoch };
      await speaker.every(`${producerId} at ${producerEpoch}`, ApiKey.InitProducerId, () => body, { from: 3 });
    }

    await speaker.topic('elected', 2);
    const elect =
      (electionType: number, topicPartitions: { topic: string; partitions: number[] }[] | null) =>
      (version: number) => ({ ...(version >= 1 ? { electionType } : {}), topicPartitions, timeoutMs: 10_000 });
    const elected = [{ topic: 'elected', partitions: [0, 1, 2, -1] }];
    await speaker.every('elected', ApiKey.ElectLeaders, elect(0, elected));
    await speaker.every('elected unclean', ApiKey.ElectLeaders, elect(1, elected), { from: 1 });
    await speaker.every('elected otherwise', ApiKey.ElectLeaders, elect(2, elected), { from: 1 });
    await speaker.every('nothing elected', ApiKey.ElectLeaders, elect(0, []));
    await speaker.every(
      'elected without partitions',
      ApiKey.ElectLeaders,
      elect(0, [{ topic: 'elected', partitions: [] }]),
    );
    await speaker.every(
      'elected where nothing is',
      ApiKey.ElectLeaders,
      elect(0, [
        { topic: 'no-such', partitions: [0] },
        { topic: '', partitions: [0] },
      ]),
    );
    await speaker.every(
      'elected twice',
      ApiKey.ElectLeaders,
      elect(0, [...elected, ...elected, { topic: 'elected', partitions: [0, 0] }]),
    );
    await speaker.ask('all elected', ApiKey.ElectLeaders, 2, elect(0, null)(2));

    await speaker.every('nothing reassigned', ApiKey.AlterPartitionReassignments, () => ({ topics: [] }));
    await speaker.every('no reassignments', ApiKey.ListPartitionReassignments, () => ({ topics: null }));
    await speaker.every('the quorum of nothing', ApiKey.DescribeQuorum, () => ({ topics: [] }));
    await features(speaker);

    const dirs = (topics: { topic: string; partitions: number[] }[]) => () => ({ topics });
    await speaker.every('directories', ApiKey.DescribeLogDirs, dirs([{ topic: 'elected', partitions: [0, 1] }]));
    await speaker.every(
      'directories of what is not there',
      ApiKey.DescribeLogDirs,
      dirs([
        { topic: 'elected', partitions: [7, -1] },
        { topic: 'no-such', partitions: [0] },
      ]),
    );
    await speaker.every(
      'directories twice',
      ApiKey.DescribeLogDirs,
      dirs([
        { topic: 'elected', partitions: [0, 0] },
        { topic: 'elected', partitions: [1] },
      ]),
    );
    await speaker.every('directories of nothing', ApiKey.DescribeLogDirs, dirs([]));
    await speaker.every(
      'directories of no partition',
      ApiKey.DescribeLogDirs,
      dirs([{ topic: 'elected', partitions: [] }]),
    );
  },
};

/** Kafka's FeatureUpdate.UpgradeType. */
const UPGRADE = 1;
const SAFE_DOWNGRADE = 2;
const UNSAFE_DOWNGRADE = 3;

/** UpdateFeatures of transaction.version, which is at 2 before and after. */
async function features(speaker: Speaker): Promise<void> {
  await speaker.every('no features', ApiKey.UpdateFeatures, () => ({ featureUpdates: [] }));
  const ask = (what: string, maxVersionLevel: number, upgradeType = UPGRADE, validateOnly = false) =>
    speaker.every(what, ApiKey.UpdateFeatures, (version) => ({
      featureUpdates: [
        version === 0
          ? { feature: 'transaction.version', maxVersionLevel, allowDowngrade: upgradeType !== UPGRADE }
          : { feature: 'transaction.version', maxVersionLevel, upgradeType },
      ],
      ...(version > 0 && { validateOnly }),
    }));
  await ask('the same level', 2);
  await ask('the same level by a downgrade', 2, SAFE_DOWNGRADE);
  await ask('a negative level', -1);
  await ask('a lower level by an upgrade', 1);
  await ask('a lower level', 1, SAFE_DOWNGRADE);
  await ask('a higher level by a downgrade', 2, SAFE_DOWNGRADE);
  await ask('a higher level', 2);
  await ask('a lower level, unsafe', 1, UNSAFE_DOWNGRADE);
  await ask('back', 2);
  for (const upgradeType of [0, 4, -1]) {
    await speaker.every(
      `type ${upgradeType}`,
      ApiKey.UpdateFeatures,
      () => ({ featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType }] }),
      { from: 1 },
    );
  }
  await speaker.every(
    'only validated',
    ApiKey.UpdateFeatures,
    () => ({
      featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 1, upgradeType: SAFE_DOWNGRADE }],
      validateOnly: true,
    }),
    { from: 1 },
  );
  await ask('the level after it', 2, SAFE_DOWNGRADE);
}
