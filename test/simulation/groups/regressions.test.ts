import { expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { createTopic } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Each of these was a bug that the simulation found (docs/RELIABILITY.md has the seeds). */

const SECOND_MS = 1_000;
const SETTINGS = {
  'group.consumer.session.timeout.ms': '45000',
  'group.consumer.heartbeat.interval.ms': '5000',
};

/** An engine whose puts of such items take this much longer once `slow` is set, and another one over the same store. */
async function twoEngines(slowMs: number, items: 'lease/' | 'offsets/' = 'lease/') {
  const clock = new VirtualClock();
  const stores = memoryStores({ clock, random: seededRandom(1) });
  const trouble = { slow: false };
  const faults = (call: StoreCall): Fault | undefined =>
    trouble.slow && call.operation === 'put' && `${call.key} ${call.sortKey}`.includes(items)
      ? { delayBeforeMs: slowMs }
      : undefined;
  const slow = await startEngine({ stores: stores.client({ faults }), clock, settings: SETTINGS });
  const other = await startEngine({ stores: stores.client(), clock, settings: SETTINGS });
  await createTopic(slow.client, 'orders');
  return { clock, slow, other, trouble };
}

async function within<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let done = false;
  work.finally(() => {
    done = true;
  });
  await clock.runUntil(() => done, 60 * SECOND_MS);
  return work;
}

interface Beat {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId?: string;
}

function beat({ client }: Engine, { memberId, memberEpoch, instanceId = undefined }: Beat) {
  const joins = memberEpoch === 0;
  return client.ask(ApiKey.ConsumerGroupHeartbeat, 1, {
    groupId: 'readers',
    memberId,
    memberEpoch,
    instanceId: instanceId ?? null,
    rebalanceTimeoutMs: joins ? 45_000 : -1,
    subscribedTopicNames: joins ? ['orders'] : null,
    topicPartitions: joins ? [] : null,
  });
}

it("a static member's heir is not removed for its predecessor's silence", async () => {
  const { clock, slow, other, trouble } = await twoEngines(5 * SECOND_MS);
  const instanceId = 'i0';
  const first = await beat(slow, { memberId: 'first', memberEpoch: 0, instanceId });
  await clock.advance(40 * SECOND_MS);
  await beat(slow, { memberId: 'first', memberEpoch: first.memberEpoch, instanceId });
  await beat(slow, { memberId: 'first', memberEpoch: -2, instanceId });
  await clock.advance(10 * SECOND_MS);
  trouble.slow = true;
  const heir = beat(slow, { memberId: 'heir', memberEpoch: 0, instanceId });
  await clock.advance(SECOND_MS);
  await beat(other, { memberId: 'third', memberEpoch: 0 });
  await clock.advance(5 * SECOND_MS);
  const { errorCode: error, memberEpoch } = await heir;
  expect(error).toBe(0);
  expect((await beat(other, { memberId: 'heir', memberEpoch, instanceId })).errorCode).toBe(0);
});

it('a heartbeat whose lease came too late is not answered as if the member were there', async () => {
  const { clock, slow, trouble } = await twoEngines(10 * SECOND_MS);
  const { memberEpoch } = await beat(slow, { memberId: 'late', memberEpoch: 0 });
  await clock.advance(40 * SECOND_MS);
  trouble.slow = true;
  const late = beat(slow, { memberId: 'late', memberEpoch });
  await clock.advance(6 * SECOND_MS);
  await beat(slow, { memberId: 'next', memberEpoch: 0 });
  await clock.advance(10 * SECOND_MS);
  expect((await late).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'));
  expect((await beat(slow, { memberId: 'late', memberEpoch })).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'));
});

/** A classic member with an instance id, stable in the group; its commits and what it reads, by its own claims. */
async function enterClassic({ client }: Engine, assigns: boolean) {
  const groupInstanceId = 'i0';
  const joined = await client.ask(ApiKey.JoinGroup, 9, {
    groupId: 'workers',
    sessionTimeoutMs: 45_000,
    rebalanceTimeoutMs: 45_000,
    memberId: '',
    groupInstanceId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  });
  const { memberId, generationId } = joined;
  await client.ask(ApiKey.SyncGroup, 5, {
    groupId: 'workers',
    generationId,
    memberId,
    groupInstanceId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: assigns ? [{ memberId, assignment: Buffer.of(1) }] : [],
  });
  return {
    generationId,
    async commit(committedOffset: number) {
      const answer = await client.ask(ApiKey.OffsetCommit, 9, {
        groupId: 'workers',
        generationIdOrMemberEpoch: generationId,
        memberId,
        groupInstanceId,
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }] }],
      });
      return answer.topics[0]!.partitions[0]!.errorCode;
    },
    async committed() {
      const topics = [{ name: 'orders', partitionIndexes: [0] }];
      const answer = await client.ask(ApiKey.OffsetFetch, 7, { groupId: 'workers', topics });
      return answer.topics[0]!.partitions[0]!.committedOffset;
    },
  };
}

it('what a static member has on the way is not committed once its heir has been shown the offset', async () => {
  const { clock, slow, other, trouble } = await twoEngines(5 * SECOND_MS, 'offsets/');
  const first = await within(clock, enterClassic(slow, true));
  expect(await first.commit(5)).toBe(0);
  expect(await first.committed()).toBe(5);
  trouble.slow = true;
  const late = first.commit(9);
  await clock.advance(SECOND_MS);
  const heir = await within(clock, enterClassic(other, false));
  expect(heir.generationId).toBe(first.generationId);
  expect(await heir.committed()).toBe(5);
  await clock.advance(5 * SECOND_MS);
  expect(await within(clock, late)).toBe(errorCode('FENCED_INSTANCE_ID'));
  expect(await heir.committed()).toBe(5);
});
