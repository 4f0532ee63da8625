import { beforeEach, describe, expect, it } from 'vitest';
import type { NodesEnvironment } from '../../../../lib/admin/nodes/environment.ts';
import { isLive, NodeList } from '../../../../lib/admin/nodes/node-list.ts';
import { freeId } from '../../../../lib/admin/nodes/registration.ts';
import { systemRandom } from '../../../../lib/core/random.ts';
import { VirtualClock } from '../../../../lib/core/virtual-clock.ts';
import { decodeLeader, encodeLeader } from '../../../../lib/storage/items/leader.ts';
import { decodeNode, encodeNode, type NodeRecord, nodeSk } from '../../../../lib/storage/items/node.ts';
import { memoryStores } from '../../../../lib/storage/memory/memory-stores.ts';

const T0 = 1_700_000_000_000;
const SESSION_MS = 9_000;

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
    expect(freeId([], T0)).toBe(1);
    expect(freeId(known, T0)).toBe(3);
    // The store tells whole seconds: not at once when the session is over.
    expect(freeId(known, T0 + SESSION_MS + 1_000)).toBe(3);
    expect(freeId(known, T0 + SESSION_MS + 1_500)).toBe(1);
    expect(freeId([{ node: nodeOf(1, T0, { left: true }), version: 1 }], T0)).toBe(1);
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
