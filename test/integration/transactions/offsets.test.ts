import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { ConsumerMember } from '../../support/consumer-member.ts';
import { type Engine, emptyStores, startEngine } from '../../support/engine.ts';
import { GroupMember } from '../../support/group-member.ts';
import {
  type Committer,
  commitOffsets,
  deleteOffsets,
  fetchOffsets,
  offsetsIn,
} from '../../support/offset-requests.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { readCommitted } from '../../support/read-committed.ts';
import { createTopic, type TopicName } from '../../support/requests.ts';

const GROUP = 'readers';

let engine: Engine;
let other: Engine;
let topic: TopicName;

beforeEach(async () => {
  const stores = emptyStores();
  engine = await startEngine({ stores });
  other = await startEngine({ stores });
  topic = await createTopic(engine.client, 'input', { partitions: 20 });
});

async function started(id = 'tx', protocol: 1 | 2 = 2): Promise<RawTransactor> {
  const transactor = new RawTransactor(engine.client, id, { protocol });
  expect(await transactor.init()).toBe(0);
  return transactor;
}

/** Offsets as somebody reads them who wants stable ones, in another process; errors by name. */
async function stable(partitions: readonly number[], requireStable = true): Promise<(number | string)[]> {
  return offsetsIn(await fetchOffsets(other.client, GROUP, topic, partitions, { requireStable }));
}

const error = (name: ErrorName) => errorCode(name);
const UNSTABLE = `error ${errorCode('UNSTABLE_OFFSET_COMMIT')}`;
const removeGroup = async () =>
  (await other.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: [GROUP] })).results.map((one) => one.errorCode);

describe.each([1, 2] as const)('offsets in a transaction of version %i', (protocol) => {
  let transactor: RawTransactor;
  const joined = async (groupId = GROUP) => {
    if (protocol === 1) expect(await transactor.addOffsets(groupId)).toBe(0);
  };

  beforeEach(async () => {
    transactor = await started('tx', protocol);
  });

  it('are committed with its records, and hidden until then', async () => {
    expect(await commitOffsets(engine.client, GROUP, topic, { 0: 1, 17: 1 })).toEqual([0, 0]);
    await joined();
    if (protocol === 1) await transactor.add(topic);
    await transactor.send(topic, ['out']);
    expect(await transactor.commitOffsets(GROUP, topic, { 0: 5, 17: 6 })).toEqual([0, 0]);
    expect(await stable([0, 1, 17])).toEqual([UNSTABLE, -1, UNSTABLE]);
    expect(await stable([0, 1, 17], false)).toEqual([1, -1, 1]);
    expect(await readCommitted(other.client, topic)).toEqual([]);
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0, 1, 17])).toEqual([5, -1, 6]);
    expect(await readCommitted(other.client, topic)).toEqual(['out']);
  });

  it('are gone if it is aborted, also by its successor, and the next transaction does not adopt them', async () => {
    await joined();
    await transactor.commitOffsets(GROUP, topic, { 0: 5 });
    expect(await transactor.abort()).toBe(0);
    expect(await stable([0])).toEqual([-1]);
    await joined();
    await transactor.commitOffsets(GROUP, topic, { 0: 6 });
    const successor = await started('tx', protocol);
    expect(await stable([0])).toEqual([-1]);
    expect(await transactor.commitOffsets(GROUP, topic, { 0: 7 })).toEqual([error('INVALID_PRODUCER_EPOCH')]);
    transactor = successor;
    await joined();
    await transactor.commitOffsets(GROUP, topic, { 1: 8 });
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0, 1])).toEqual([-1, 8]);
  });

  it('need the transaction', async () => {
    expect(await transactor.commitOffsets(GROUP, topic, { 0: 5 })).toEqual([
      protocol === 1 ? error('INVALID_TXN_STATE') : 0,
    ]);
    await joined('another group');
    if (protocol === 1) {
      expect(await transactor.commitOffsets(GROUP, topic, { 0: 5 })).toEqual([error('INVALID_TXN_STATE')]);
      expect(await transactor.commitOffsets(GROUP, topic, { 0: 5 }, { version: 4 })).toEqual([
        error('TRANSACTION_ABORTABLE'),
      ]);
      // Nothing is half done: not even the group was created.
      expect(await removeGroup()).toEqual([error('GROUP_ID_NOT_FOUND')]);
    }
    const stranger = transactor.copy();
    for (const epoch of [transactor.producerEpoch - 1, transactor.producerEpoch + 1]) {
      stranger.producerEpoch = epoch;
      expect(await stranger.commitOffsets(GROUP, topic, { 0: 5 })).toEqual([error('INVALID_PRODUCER_EPOCH')]);
    }
    stranger.producerId += 1;
    expect(await stranger.commitOffsets(GROUP, topic, { 0: 5 })).toEqual([error('INVALID_PRODUCER_ID_MAPPING')]);
    const unknown = new RawTransactor(engine.client, 'unknown', { protocol });
    expect(await unknown.commitOffsets(GROUP, topic, { 0: 5 })).toEqual([error('INVALID_PRODUCER_ID_MAPPING')]);
  });
});

describe('of several commits of a partition the latest counts', () => {
  it.each([
    ['a plain one after a pending one', [9, 5], 9],
    ['a pending one after a plain one', [5, 9], 9],
  ])('%s', async (_, [plain, pending], expected) => {
    const transactor = await started();
    const steps = [
      () => commitOffsets(engine.client, GROUP, topic, { 0: plain! }),
      () => transactor.commitOffsets(GROUP, topic, { 0: pending! }),
    ];
    for (const step of plain! > pending! ? steps.reverse() : steps) expect(await step()).toEqual([0]);
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0])).toEqual([expected]);
  });

  it('whichever transaction ends first', async () => {
    const [first, second] = [await started('first'), await started('second')];
    await first.commitOffsets(GROUP, topic, { 0: 1, 1: 1 });
    await second.commitOffsets(GROUP, topic, { 0: 2 });
    expect(await second.commit()).toBe(0);
    expect(await stable([0, 1])).toEqual([UNSTABLE, UNSTABLE]);
    expect(await stable([0], false)).toEqual([2]);
    expect(await first.commit()).toBe(0);
    expect(await stable([0, 1])).toEqual([2, 1]);
  });
});

describe('the member that commits', () => {
  it('has to be of the generation of a classic group', async () => {
    const member = new GroupMember(engine.client, GROUP);
    await member.enter();
    const by: Committer = { memberId: member.memberId, generation: member.generation };
    const transactor = await started();
    const commit = (claim?: Committer) =>
      transactor.commitOffsets(GROUP, topic, { 0: 5 }, claim === undefined ? {} : { by: claim });
    expect(await commit({ ...by, generation: by.generation - 1 })).toEqual([error('ILLEGAL_GENERATION')]);
    expect(await commit({ ...by, memberId: 'stranger' })).toEqual([error('UNKNOWN_MEMBER_ID')]);
    expect(await commit({ ...by, instanceId: 'stranger' })).toEqual([error('UNKNOWN_MEMBER_ID')]);
    expect(await commit(by)).toEqual([0]);
    // Producers before KIP-447 do not send who they are.
    expect(await commit()).toEqual([0]);
    // A zombie: its group goes on without it.
    await member.leave();
    const heir = new GroupMember(other.client, GROUP);
    await heir.enter();
    expect(await commit(by)).toEqual([error('UNKNOWN_MEMBER_ID')]);
    expect(await stable([0])).toEqual([UNSTABLE]);
  });

  it('has to be of the epoch of a consumer group', async () => {
    const member = new ConsumerMember(engine.client, GROUP, 'member', ['input']);
    expect(await member.heartbeat()).toMatchObject({ errorCode: 0 });
    const transactor = await started();
    const commit = (memberId: string, generation: number) =>
      transactor.commitOffsets(GROUP, topic, { 0: 5 }, { by: { memberId, generation } });
    expect(await commit('member', member.epoch - 1)).toEqual([error('ILLEGAL_GENERATION')]);
    expect(await commit('stranger', member.epoch)).toEqual([error('UNKNOWN_MEMBER_ID')]);
    expect(await commit('member', member.epoch)).toEqual([0]);
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0])).toEqual([5]);
  });

  it('needs its group: one with a generation is not created', async () => {
    const transactor = await started();
    const by = { memberId: 'm', generation: 3 };
    expect(await transactor.commitOffsets('no-such', topic, { 0: 5 }, { by })).toEqual([error('ILLEGAL_GENERATION')]);
  });
});

describe('pending offsets go', () => {
  it('with their partition by OffsetDelete, and with their group', async () => {
    const transactor = await started();
    await transactor.commitOffsets(GROUP, topic, { 0: 5, 1: 6 });
    expect(await deleteOffsets(other.client, GROUP, topic.name, [0])).toEqual({ error: 0, partitions: [0] });
    expect(await stable([0, 1])).toEqual([-1, UNSTABLE]);
    expect(await removeGroup()).toEqual([0]);
    expect(await stable([1])).toEqual([-1]);
    expect(await transactor.commitOffsets(GROUP, topic, { 2: 7 })).toEqual([0]);
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0, 1, 2])).toEqual([-1, -1, 7]);
  });
});

describe('a request that is wrong in part', () => {
  it('commits the rest', async () => {
    const transactor = await started();
    const part = (partitionIndex: number, committedMetadata: string | null = '') => ({
      ...{ partitionIndex, committedOffset: 9, committedMetadata },
    });
    const { transactionalId, producerId, producerEpoch } = transactor;
    const { topics } = await engine.client.ask(ApiKey.TxnOffsetCommit, 5, {
      ...{ transactionalId, producerId, producerEpoch, groupId: GROUP },
      topics: [
        { name: 'no-such', partitions: [part(0)] },
        { name: 'input', partitions: [part(-1), part(20), part(0, null), part(1, 'x'.repeat(4097))] },
        { name: 'input', partitions: [] },
        { name: '', partitions: [part(0)] },
      ],
    });
    const unknown = error('UNKNOWN_TOPIC_OR_PARTITION');
    expect(topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
      [unknown],
      [unknown, unknown, 0, error('OFFSET_METADATA_TOO_LARGE')],
      [unknown],
    ]);
    expect(await transactor.commit()).toBe(0);
    expect(await stable([0, 1])).toEqual([9, -1]);
  });

  it.each([
    ['', 'tx', 'INVALID_GROUP_ID'],
    [GROUP, '', 'INVALID_REQUEST'],
  ] as const)('group "%s" of transactional id "%s" gets %s', async (groupId, transactionalId, name) => {
    const { producerId, producerEpoch } = await started();
    const { topics } = await engine.client.ask(ApiKey.TxnOffsetCommit, 5, {
      ...{ transactionalId, producerId, producerEpoch, groupId },
      topics: [{ name: 'input', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] }],
    });
    expect(topics).toMatchObject([{ partitions: [{ errorCode: error(name) }] }]);
  });
});
