import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { encodeLeader, LEADERS_PK } from '../../lib/storage/items/leader.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { HEARTBEAT_MS, leaderOf, metadataOf, SESSION_MS, TestFleet } from '../support/fleet.ts';
import {
  batchOf,
  createTopic,
  fetch,
  listOffset,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const T0 = 1_700_000_000_000;
const NOT_LEADER = errorCode('NOT_LEADER_OR_FOLLOWER');
const FENCED = errorCode('FENCED_LEADER_EPOCH');
const UNKNOWN_EPOCH = errorCode('UNKNOWN_LEADER_EPOCH');
const small = (value: string) => batchOf([value], { timestamp: T0 });

let clock: VirtualClock;
let fleet: TestFleet;
let nodes: Engine[];
let topic: TopicName;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  fleet = new TestFleet(clock);
  nodes = [];
  for (const host of HOSTS) nodes.push(await fleet.start(host));
  await clock.advance(HEARTBEAT_MS);
  topic = await createTopic(nodes[0]!.client, 'led', { partitions: 3, configs: { 'tidelog.journals': '3' } });
});

/** The gateway that leads a partition, and another one. */
async function parted(partition = 0): Promise<{ leader: Engine; other: Engine }> {
  const { leader } = await leaderOf(nodes[0]!, 'led', partition);
  return {
    leader: nodes.find((one) => one.broker.leadership.nodeId === leader)!,
    other: nodes.find((one) => one.broker.leadership.nodeId !== leader)!,
  };
}

const HOSTS = ['one', 'two', 'three'];

function hostOf(engine: Engine): string {
  return HOSTS[nodes.indexOf(engine)]!;
}

/** Lets virtual time pass until something is done. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const end = () => {
    done = true;
  };
  work.then(end, end);
  await clock.runUntil(() => done, 60_000);
  return work;
}

describe('a fleet', () => {
  it('shows the same nodes and leaders to every client', async () => {
    const told = await Promise.all(nodes.map((node) => metadataOf(node, 'led')));
    for (const one of told) {
      expect(one.brokers.map(({ nodeId, host }) => [nodeId, host])).toEqual([
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
      ]);
      expect(one.topics).toEqual(told[0]!.topics);
    }
    for (const node of nodes) {
      const cluster = await node.client.ask(ApiKey.DescribeCluster, 1, {
        includeClusterAuthorizedOperations: false,
        endpointType: 1,
      });
      expect(cluster.brokers.map(({ brokerId }) => brokerId)).toEqual([1, 2, 3]);
      expect(cluster.controllerId).toBe(node.broker.leadership.nodeId);
    }
  });

  it('takes a journal over with the first request that reaches its leader, once', async () => {
    const { leader } = await parted();
    expect((await leaderOf(leader, 'led')).epoch).toBe(0);
    expect(await produce(leader.client, topic, small('a'))).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await produce(leader.client, topic, small('b'))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    await clock.advance(1_000);
    for (const node of nodes)
      expect(await leaderOf(node, 'led')).toEqual({ leader: leader.broker.leadership.nodeId, epoch: 1 });
    expect((await leader.journalOf('led')).journal.view.seq).toBe(3);
  });

  it('is not taken back by a node whose list is older than the takeover', async () => {
    const partitions = 60;
    const many = { partitions, configs: { 'tidelog.journals': `${partitions}` } };
    const topic = await createTopic(nodes[0]!.client, 'many', many);
    await Promise.all(nodes.map((node) => node.broker.leadership.look()));
    const newcomer = await fleet.start('four');
    const id = newcomer.broker.leadership.nodeId;
    const taken = (await metadataOf(newcomer, 'many')).topics[0]!.partitions.find(({ leaderId }) => leaderId === id)!;
    const { partitionIndex: partition } = taken;
    // This node still has the list without the newcomer.
    const before = (await leaderOf(nodes[0]!, 'many', partition)).leader;
    const old = nodes.find((node) => node.broker.leadership.nodeId === before)!;
    const put = (node: Engine) => produce(node.client, topic, small('x'), { partition });
    expect(await put(newcomer)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await put(old)).toMatchObject({ errorCode: NOT_LEADER });
    expect((await newcomer.journalOf('many', partition)).journal.view).toMatchObject({ leaderEpoch: 1, leader: id });
  });

  it('takes nothing over for Metadata, ListOffsets and OffsetForLeaderEpoch', async () => {
    const { leader } = await parted();
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: 0, timestamp: -1 }];
    const listed = await leader.client.ask(ApiKey.ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'led', partitions }],
    });
    expect(listed.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: 0 });
    expect((await leader.journalOf('led')).journal.view).toMatchObject({ leaderEpoch: 0, seq: 0 });
  });

  it('tells of a new epoch at once, wherever a client asks for it', async () => {
    const list = (node: Engine, currentLeaderEpoch: number) =>
      listOffset(node.client, topic, -1, { leaderEpoch: currentLeaderEpoch });
    const { leader } = await parted();
    for (const node of nodes) expect((await leaderOf(node, 'led')).epoch).toBe(0);
    await produce(leader.client, topic, small('a'));
    for (const node of nodes) expect((await leaderOf(node, 'led')).epoch).toBe(1);
    expect(await list(leader, 0)).toMatchObject({ errorCode: FENCED });
    expect(await list(leader, 1)).toMatchObject({ errorCode: 0, offset: 1 });
    // The same where an epoch is remembered already.
    await leader.membership!.leave();
    const others = nodes.filter((node) => node !== leader);
    await clock.advance(HEARTBEAT_MS + 600);
    const next =
      (await leaderOf(others[0]!, 'led')).leader === others[0]!.broker.leadership.nodeId ? others[0]! : others[1]!;
    for (const node of others) expect((await leaderOf(node, 'led')).epoch).toBe(1);
    await produce(next.client, topic, small('b'));
    for (const node of others) expect((await leaderOf(node, 'led')).epoch).toBe(2);
    expect(await list(next, 1)).toMatchObject({ errorCode: FENCED });
    expect(await list(next, 2)).toMatchObject({ errorCode: 0, offset: 2 });
  });

  it('fences nobody by an epoch that Metadata does not tell of', async () => {
    const { leader, other } = await parted();
    // Somebody has taken over and came to its end before it wrote the leader item.
    const { writer } = await leader.journalOf('led');
    const entry = (_: unknown, time: number) => ({ kind: 'leaderChange', time, leaderEpoch: 1, leader: 9 }) as const;
    expect(await writer.appendEntry(entry, clock.monotonic() + 1_000)).toBe('written');
    expect(await listOffset(leader.client, topic, -1, { leaderEpoch: 0 })).toMatchObject({ errorCode: FENCED });
    const { epoch } = await leaderOf(other, 'led');
    expect(epoch).toBeGreaterThan(0);
    expect(await listOffset(leader.client, topic, -1, { leaderEpoch: epoch })).toMatchObject({ errorCode: 0 });
    const ends = (currentLeaderEpoch: number) =>
      leader.client.ask(ApiKey.OffsetForLeaderEpoch, 4, {
        topics: [{ topic: 'led', partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch }] }],
      });
    const later = (_: unknown, time: number) =>
      ({ kind: 'leaderChange', time, leaderEpoch: epoch + 1, leader: 9 }) as const;
    expect(await writer.appendEntry(later, clock.monotonic() + 1_000)).toBe('written');
    expect((await ends(epoch)).topics[0]!.partitions[0]!.errorCode).toBe(FENCED);
    expect((await leaderOf(other, 'led')).epoch).toBeGreaterThan(epoch);
  });

  it('costs a warm produce one put and a warm fetch nothing, as anywhere', async () => {
    const { leader } = await parted();
    await produce(leader.client, topic, small('a'));
    leader.meter.reset();
    await produce(leader.client, topic, small('b'));
    expect(leader.meter.counts()).toEqual({ 'journal.put': 1 });
    await fetch(leader.client, topic);
    expect(leader.meter.counts()).toEqual({ 'journal.put': 1 });
  });

  it('costs a takeover two looks at the journal, one at the nodes, an entry and an item; the first batch, two items', async () => {
    const { leader } = await parted();
    await leader.journalOf('led');
    await clock.advance(600);
    leader.meter.reset();
    await produce(leader.client, topic, small('a'));
    expect(leader.meter.counts()).toEqual({ 'state.query': 1, 'journal.query': 2, 'journal.put': 2, 'state.put': 3 });
  });

  it('confirms what it leads by one query when other nodes have come or gone', async () => {
    const { leader, other } = await parted();
    await produce(leader.client, topic, small('a'));
    await other.membership!.leave();
    await clock.advance(HEARTBEAT_MS + 600);
    const stays = (await leaderOf(leader, 'led')).leader === leader.broker.leadership.nodeId;
    expect(stays).toBe(true);
    leader.meter.reset();
    await produce(leader.client, topic, small('b'));
    expect(leader.meter.counts()).toMatchObject({ 'journal.query': 1, 'journal.put': 1 });
    leader.meter.reset();
    await produce(leader.client, topic, small('c'));
    expect(leader.meter.counts()).toEqual({ 'journal.put': 1 });
    expect(await leaderOf(leader, 'led')).toMatchObject({ epoch: 1 });
  });

  it('serves nobody under an epoch when it has told of a later one (leadership, seed 11098)', async () => {
    const { leader } = await parted();
    await produce(leader.client, topic, small('a'));
    // Somebody who takes the leader for gone has taken over, and it knows of that by the leader item alone.
    const { writer, journal } = await (await startEngine({ stores: fleet.stores, clock })).journalOf('led');
    const entry = (_: unknown, time: number) => ({ kind: 'leaderChange', time, leaderEpoch: 2, leader: 9 }) as const;
    expect(await writer.appendEntry(entry, clock.monotonic() + 1_000)).toBe('written');
    const body = encodeLeader({ journal: journal.id, leaderEpoch: 2, leader: 9 });
    const item = { pk: LEADERS_PK, sk: journal.id, version: 2, nonce: 'another', body };
    await fleet.stores.state.put(item, { kind: 'version', version: 1 });
    await clock.advance(1_000);
    expect((await leaderOf(leader, 'led')).epoch).toBe(2);
    expect((await fetch(leader.client, topic, { leaderEpoch: 1 })).errorCode).toBe(FENCED);
    expect((await leader.journalOf('led')).journal.view.leaderEpoch).toBe(3);
  });

  it('sends clients that come to another node to the leader (KIP-951)', async () => {
    const { leader, other } = await parted();
    await produce(leader.client, topic, small('a'));
    await other.journalOf('led').then(({ journal }) => journal.catchUp(true));
    const refused = await other.client.ask(ApiKey.Produce, 10, produceRequest(topic, small('b'), { version: 10 }));
    const nodeId = leader.broker.leadership.nodeId;
    expect(refused.responses[0]!.partitionResponses[0]).toMatchObject({
      errorCode: NOT_LEADER,
      currentLeader: { leaderId: nodeId, leaderEpoch: 1 },
    });
    expect(refused.nodeEndpoints).toMatchObject([{ nodeId, port: 9092 }]);
    const fetched = await fetch(other.client, topic, { version: 16 });
    expect(fetched).toMatchObject({ errorCode: NOT_LEADER, currentLeader: { leaderId: nodeId, leaderEpoch: 1 } });
    expect((await fetch(other.client, topic, { version: 12 })).errorCode).toBe(NOT_LEADER);
  });

  it('fences requests of other epochs', async () => {
    const { leader } = await parted();
    await produce(leader.client, topic, small('a'));
    expect((await fetch(leader.client, topic, { leaderEpoch: 1 })).errorCode).toBe(0);
    expect((await fetch(leader.client, topic, { leaderEpoch: 0 })).errorCode).toBe(FENCED);
    expect((await fetch(leader.client, topic, { leaderEpoch: 2 })).errorCode).toBe(UNKNOWN_EPOCH);
  });

  it('moves what a node led as soon as it leaves, and nothing else', async () => {
    const before = await Promise.all([0, 1, 2].map((partition) => leaderOf(nodes[0]!, 'led', partition)));
    const { leader, other } = await parted();
    await produce(leader.client, topic, small('a'));
    await leader.membership!.leave();
    await clock.advance(1_000);
    const after = await Promise.all([0, 1, 2].map((partition) => leaderOf(other, 'led', partition)));
    for (const [partition, { leader: was }] of before.entries()) {
      if (was === leader.broker.leadership.nodeId) expect(after[partition]!.leader).not.toBe(was);
      else expect(after[partition]!.leader).toBe(was);
    }
    const next = nodes.find((one) => one.broker.leadership.nodeId === after[0]!.leader)!;
    expect(await produce(next.client, topic, small('b'))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect((await produce(leader.client, topic, small('c'))).errorCode).toBe(NOT_LEADER);
    expect((await leaderOf(next, 'led')).epoch).toBe(2);
    expect(valuesIn((await fetch(next.client, topic)).records)).toEqual(['a', 'b']);
  });

  it('moves what a silent node led once its session is over, by its own judgement too', async () => {
    const { leader, other } = await parted();
    await produce(leader.client, topic, small('a'));
    const { nodeId } = leader.broker.leadership;
    fleet.cutOff(hostOf(leader));
    await clock.advance(SESSION_MS - HEARTBEAT_MS - 1);
    expect((await leaderOf(other, 'led')).leader).toBe(nodeId);
    await clock.advance(HEARTBEAT_MS + 2);
    const after = await leaderOf(other, 'led');
    expect(after.leader).not.toBe(nodeId);
    expect((await inTime(produce(leader.client, topic, small('b')))).errorCode).not.toBe(0);
    const next = nodes.find((one) => one.broker.leadership.nodeId === after.leader)!;
    expect(await produce(next.client, topic, small('c'))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    fleet.reconnect(hostOf(leader));
    await clock.advance(2 * HEARTBEAT_MS);
    expect((await leaderOf(other, 'led')).leader).toBe(nodeId);
    expect(await inTime(produce(leader.client, topic, small('d')))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect((await leader.journalOf('led')).journal.view.leaderEpoch).toBe(3);
  });

  it('takes over anew under the same id: another process, another epoch', async () => {
    const { leader } = await parted();
    await produce(leader.client, topic, small('a'));
    const { nodeId } = leader.broker.leadership;
    fleet.cutOff(hostOf(leader));
    const again = await fleet.compose('again', { 'node.id': String(nodeId) });
    await inTime(again.membership!.join([{ name: 'PLAINTEXT', host: 'again', port: 9092 }]));
    expect(await inTime(produce(again.client, topic, small('b')))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect((await again.journalOf('led')).journal.view).toMatchObject({ leaderEpoch: 2, leader: nodeId });
    fleet.reconnect(hostOf(leader));
    expect((await inTime(produce(leader.client, topic, small('c')))).errorCode).toBe(NOT_LEADER);
    await clock.advance(2 * HEARTBEAT_MS);
    // Its id is gone, so it takes the next one.
    expect(leader.broker.leadership.nodeId).toBe(4);
  });

  it('lets a function or a sidecar append under the epoch that it finds', async () => {
    const { leader } = await parted();
    await produce(leader.client, topic, small('a'));
    const sidecar = await startEngine({ stores: fleet.stores, clock });
    expect(await leaderOf(sidecar, 'led')).toEqual({ leader: 0, epoch: 1 });
    expect(await produce(sidecar.client, topic, small('b'))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(await inTime(produce(leader.client, topic, small('c')))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect((await leader.journalOf('led')).journal.view.leaderEpoch).toBe(1);
  });

  it('spreads groups by their ids, the same at every node', async () => {
    const keys = Array.from({ length: 30 }, (_, n) => `group-${n}`);
    const found = await Promise.all(
      nodes.map(async ({ client }) => {
        const { coordinators } = await client.ask(ApiKey.FindCoordinator, 4, { keyType: 0, coordinatorKeys: keys });
        return coordinators.map(({ nodeId }) => nodeId);
      }),
    );
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
    expect(new Set(found[0])).toEqual(new Set([1, 2, 3]));
  });
});

describe('a node id', () => {
  it('is refused while another process has it, and given once that one is silent', async () => {
    const second = await fleet.compose('second', { 'node.id': '2' });
    const listeners = [{ name: 'PLAINTEXT', host: 'second', port: 9092 }];
    const outcome = await inTime(second.membership!.join(listeners));
    expect(outcome).toMatchObject({ kind: 'taken', nodeId: 2, by: { listeners: [{ host: 'two' }] } });
    await nodes[1]!.membership!.leave();
    expect(await inTime(second.membership!.join(listeners))).toEqual({ kind: 'joined', nodeId: 2 });
  });

  it('is the lowest free one where none is given', async () => {
    await nodes[1]!.membership!.leave();
    const next = await fleet.start('next');
    expect(next.broker.leadership.nodeId).toBe(2);
  });
});
