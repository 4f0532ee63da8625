import { ApiKey } from '../../../lib/wire/apis.ts';
import { batchOf } from '../../support/requests.ts';
import type { Family } from './speaker.ts';

const T0 = 1_700_000_000_000;

interface Asked {
  readonly partitionIndex: number;
  readonly offset: number;
}

/** DeleteRecords, and what reads answer afterwards. */
export const recordDeletion: Family = {
  name: 'record deletion',
  async run(speaker) {
    const id = await speaker.topic('shrink', 3);
    const records = batchOf(['a', 'b', 'c', 'd', 'e', 'f'], { timestamp: T0 });
    for (const index of [0, 1]) {
      await speaker.prepare(ApiKey.Produce, 9, {
        acks: -1,
        timeoutMs: 10_000,
        topicData: [{ name: 'shrink', topicId: id, partitionData: [{ index, records }] }],
      });
    }
    const of = (name: string, ...partitions: Asked[]) => ({ name, partitions });
    const before = (offset: number, partitionIndex = 0): Asked => ({ partitionIndex, offset });
    const every = (what: string, ...topics: ReturnType<typeof of>[]) =>
      speaker.every(what, ApiKey.DeleteRecords, () => ({ topics, timeoutMs: 10_000 }));
    await every('nothing');
    await every('no partition', of('shrink'));
    await every('up to the start', of('shrink', before(0)));
    for (const offset of [7, -2, 9_007_199_254_740_991]) await every(`before ${offset}`, of('shrink', before(offset)));
    await every('some', of('shrink', before(2)));
    await every('fewer than before', of('shrink', before(1)));
    await every('of an empty partition', of('shrink', before(0, 2), before(-1, 2)));
    await every('beyond an empty partition', of('shrink', before(1, 2)));
    await every(
      'what is not there',
      of('shrink', before(0, 3), before(0, -1)),
      of('no-such', before(0)),
      of('', before(0)),
    );
    await every('a partition twice', of('shrink', before(3, 1), before(2, 1)));
    await every('a topic twice', of('shrink', before(4, 1)), of('shrink', before(3, 0)));
    for (const [name, policy] of [
      ['shrink-compact', 'compact'],
      ['shrink-both', 'compact,delete'],
    ] as const) {
      await speaker.topic(name, 1, { 'cleanup.policy': policy });
      await every(`of a topic with ${policy}`, of(name, before(0)));
    }
    await every('everything', of('shrink', before(-1)));
    await speaker.every('without a time-out', ApiKey.DeleteRecords, () => ({
      topics: [of('shrink', before(-1, 1))],
      timeoutMs: 0,
    }));
    for (const timestamp of [-1, -2, -3, -4, T0]) {
      await speaker.every(
        `at ${timestamp}`,
        ApiKey.ListOffsets,
        () => ({ replicaId: -1, topics: [{ name: 'shrink', partitions: [{ partitionIndex: 0, timestamp }] }] }),
        { from: 9 },
      );
    }
    for (const fetchOffset of [0, 5, 6, 7]) {
      await speaker.ask(`from ${fetchOffset}`, ApiKey.Fetch, 12, {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: 'shrink', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }],
      });
    }
    await speaker.ask('epochs', ApiKey.OffsetForLeaderEpoch, 4, {
      topics: [{ topic: 'shrink', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
    });
  },
};
