import { beforeEach, describe, expect, it } from 'vitest';
import type { NodesEnvironment } from '../../../lib/cluster/environment.ts';
import { isLive, NodeList } from '../../../lib/cluster/node-list.ts';
import { freeId, Registration } from '../../../lib/cluster/registration.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { decodeLeader, encodeLeader } from '../../../lib/storage/items/leader.ts';
import { decodeNode, encodeNode, NODES_PK, type NodeRecord, nodeSk } from '../../../lib/storage/items/node.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const T0 = 1_700_000_000_000;
const SESSION_MS = 9_000;
const NONE: ReadonlySet<number> = new Set();

function nodeOf(nodeId: number, at = T0, more: Partial<NodeRecord> = {}): NodeRecord {
  const listeners = [{ name: 'PLAINTEXT', host: `host-${nodeId}`, port: 9092 }];
  return {
    nodeId,
    incarnation: `first-${nodeId}`,
    listeners,
    rack: null,
    at,
    sessionMs: SESSION_MS,
    left: false,
    ...more,
  };
}

describe('a node', () => {
  it('is live until its session is over, or it has left', () => {
    expect(isLive(nodeOf(1), T0 + SESSION_MS - 1)).toBe(true);
    expect(isLive(nodeOf(1), T0 + SESSION_MS)).toBe(false);
    expect(isLive(nodeOf(1, T0, { left: true }), T0)).toBe(false);
    expect(isLive(nodeOf(1), Number.NaN)).toBe(false);
  });

  it('comes back from its item as it went in', () => {
    const node = nodeOf(7, T0, { rack: 'a' });
    expect(decodeNode(encodeNode(node))).toEqual(node);
    expect(nodeSk(7)).toBe('0000000007');
    expect(() => decodeNode(Buffer.concat([Buffer.of(1), Buffer.from('{"nodeId":1}')]))).toThrow('lacks');
    const leader = { journal: 'topic/0', leaderEpoch: 3, leader: 7 };
    expect(decodeLeader(encodeLeader(leader))).toEqual(leader);
    expect(() => decodeLeader(Buffer.concat([Buffer.of(1), Buffer.from('{}')]))).toThrow('lacks');
  });

  it('gets the lowest id that is free for long enough', () => {
    const known = [1, 2, 4].map((id) => ({ node: nodeOf(id), version: 1 }));
    expect(freeId([], T0, NONE)).toBe(1);
    expect(freeId(known, T0, NONE)).toBe(3);
    // The store tells whole seconds: not at once when the session is over.
    expect(freeId(known, T0 + SESSION_MS + 1_000, NONE)).toBe(3);
    expect(freeId(known, T0 + SESSION_MS + 1_500, NONE)).toBe(1);
    expect(freeId([{ node: nodeOf(1, T0, { left: true }), version: 1 }], T0, NONE)).toBe(1);
  });
});

describe('the list of nodes', () => {
  let clock: VirtualClock;
  let list: NodeList;

  beforeEach(async () => {
    clock = new VirtualClock(T0);
    const stores = memoryStores({ clock, random: systemRandom });
    const env: NodesEnvironment = { state: stores.state, clock, random: systemRandom, logger: { log: () => {} } };
    list = new NodeList(env);
    await list.refresh();
  });

  it('forgets nodes when their sessions end, without reading', async () => {
    list.note(nodeOf(1), 1);
    list.note(nodeOf(2, T0 + 5_000), 1);
    expect(list.live().map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    await clock.advance(SESSION_MS);
    expect(list.live().map(({ nodeId }) => nodeId)).toEqual([2]);
    expect(list.leaderOf('topic/0')).toBe(2);
    await clock.advance(5_000);
    expect(list.live()).toEqual([]);
    expect(list.leaderOf('topic/0')).toBeUndefined();
  });

  it('counts changes of who is live, also of the process under an id, and no others', () => {
    list.note(nodeOf(1), 1);
    const first = list.generation;
    list.note(nodeOf(1, T0 + 1), 2);
    expect(list.generation).toBe(first);
    list.note(nodeOf(1, T0 + 2, { incarnation: 'second' }), 3);
    expect(list.generation).toBe(first + 1);
    list.note(nodeOf(2), 1);
    expect(list.generation).toBe(first + 2);
  });
});

describe('a node of a format that this program cannot read', () => {
  const newer = (nodeId: number, version: number) => ({
    pk: NODES_PK,
    sk: nodeSk(nodeId),
    version,
    nonce: `newer-${version}`,
    body: Buffer.concat([Buffer.of(2), encodeNode(nodeOf(nodeId)).subarray(1)]),
  });

  async function world() {
    const clock = new VirtualClock(T0);
    const { state } = memoryStores({ clock, random: systemRandom });
    await state.put(newer(1, 1), { kind: 'absent' });
    const lines: object[] = [];
    const logger = { log: (level: string, fields: object) => lines.push({ level, ...fields }) };
    const env = { state, clock, random: systemRandom, logger };
    const list = new NodeList(env);
    const options = { nodeId: undefined, rack: null, sessionMs: SESSION_MS, heartbeatMs: 2_000 };
    return { clock, state, lines, env, list, options };
  }

  it('is passed over, which is logged once; its id stays its own', async () => {
    const { clock, lines, env, list, options } = await world();
    const registration = new Registration(env, list, options);
    expect(await registration.join([])).toEqual({ kind: 'joined', nodeId: 2 });
    await clock.advance(30_000);
    expect(list.live()).toMatchObject([{ nodeId: 2 }]);
    expect(registration.isLive).toBe(true);
    expect(lines).toMatchObject([{ event: 'item_passed_over', item: 'nodes/0000000001' }, { event: 'node_joined' }]);
    await registration.leave();
  });

  it('is told to whoever wants the same id', async () => {
    const { env, list, options } = await world();
    const registration = new Registration(env, list, { ...options, nodeId: 1 });
    expect(await registration.join([])).toEqual({ kind: 'unreadable', nodeId: 1 });
  });

  it('that took the id of one that stood still leaves that one to look for another', async () => {
    const { clock, state, lines, env, list, options } = await world();
    const registration = new Registration(env, list, options);
    await registration.join([]);
    const { item } = await state.get(NODES_PK, nodeSk(2), true);
    await state.put(newer(2, item!.version + 1), { kind: 'version', version: item!.version });
    await clock.advance(10_000);
    expect(registration.nodeId).toBe(3);
    expect(lines.filter((line) => 'event' in line && line.event === 'node_id_lost')).toHaveLength(1);
    await registration.leave();
  });
});
