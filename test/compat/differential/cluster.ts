import { ApiKey } from '../../../lib/wire/apis.ts';
import type { Family } from './speaker.ts';

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
    await speaker.every('no features', ApiKey.UpdateFeatures, () => ({ featureUpdates: [] }));

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
