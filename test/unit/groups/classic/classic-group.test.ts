import { describe, expect, it } from 'vitest';
import type { JoinReply, JoinRequest } from '../../../../lib/groups/classic/requests.ts';
import { selectProtocol } from '../../../../lib/groups/classic/state.ts';
import { type Asked, ClassicGroupModel, joinRequest } from '../../../support/classic-group-model.ts';

const DELAY_MS = 100;

const offers = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(`of ${name}`) }));

interface Member {
  readonly memberId: string;
  readonly joined: Asked<JoinReply>;
}

/** Lets the first rebalance end; those who came while it waited make it wait once more. */
function settle(model: ClassicGroupModel): void {
  model.advance(DELAY_MS);
  model.advance(DELAY_MS);
}

/** A stable group of so many members; the first is its leader. */
function stable(count: number, wanted: Partial<JoinRequest> = {}): { model: ClassicGroupModel; ids: string[] } {
  const model = new ClassicGroupModel({ initialRebalanceDelayMs: DELAY_MS });
  const members: Member[] = Array.from({ length: count }, () => model.enter(wanted));
  settle(model);
  const ids = members.map(({ memberId }) => memberId);
  const given = Object.fromEntries(ids.map((id) => [id, `to ${id}`]));
  for (const [i, id] of ids.entries()) {
    expect(members[i]!.joined.reply).toMatchObject({ error: 'NONE', generation: 1, leader: ids[0] });
    model.sync(id, 1, i === 0 ? given : {});
  }
  expect(model.group).toMatchObject({ state: 'Stable', generation: 1, pendingSync: new Set() });
  return { model, ids };
}

describe('joining', () => {
  it('gives a new member an id first, and takes it in by that', () => {
    const model = new ClassicGroupModel();
    const first = model.join().reply!;
    expect(first).toMatchObject({ error: 'MEMBER_ID_REQUIRED', memberId: 'client-0', generation: -1 });
    expect(model.group).toMatchObject({ state: 'Empty', generation: 0 });
    const joined = model.join({ memberId: first.memberId }).reply!;
    expect(joined).toMatchObject({ error: 'NONE', generation: 1, leader: 'client-0', protocolName: 'range' });
    expect(joined.members).toEqual([{ memberId: 'client-0', instanceId: null, metadata: Buffer.from('metadata') }]);
  });

  it('takes an old client in at once', () => {
    const model = new ClassicGroupModel();
    expect(model.join({ requiresKnownMemberId: false }).reply).toMatchObject({ error: 'NONE', memberId: 'client-0' });
  });

  it('forgets an id that is not used within the session', () => {
    const model = new ClassicGroupModel();
    const { memberId } = model.join().reply!;
    model.advance(9_999);
    expect([...model.group!.pendingJoin.keys()]).toEqual([memberId]);
    model.advance(1);
    expect(model.join({ memberId }).reply?.error).toBe('UNKNOWN_MEMBER_ID');
  });

  it('waits for those that were given an id', () => {
    const { model, ids } = stable(1);
    const late = model.join().reply!.memberId;
    const other = model.join({ requiresKnownMemberId: false });
    const again = model.join({ memberId: ids[0]! });
    expect([other.reply, again.reply]).toEqual([undefined, undefined]);
    model.join({ memberId: late });
    expect([other.reply?.generation, again.reply?.generation]).toEqual([2, 2]);
  });

  it('makes the first rebalance wait for further members, as long as they come', () => {
    const model = new ClassicGroupModel({ initialRebalanceDelayMs: 3_000 });
    const members = [model.enter({ rebalanceTimeoutMs: 7_000 })];
    for (let i = 0; i < 4; i++) {
      model.advance(1_500);
      members.push(model.enter({ rebalanceTimeoutMs: 7_000 }));
    }
    expect(members.map(({ joined }) => joined.reply)).toEqual(members.map(() => undefined));
    // 3 s, 3 s more, and what is left of the 7 s.
    model.advance(999);
    expect(members[0]!.joined.reply).toBeUndefined();
    model.advance(1);
    expect(members.map(({ joined }) => joined.reply?.generation)).toEqual(members.map(() => 1));
  });

  it('drops who does not join again in time, by the longest time-out of all', () => {
    const model = new ClassicGroupModel();
    const first = model.enter({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 });
    model.sync(first.memberId, 1, {});
    const second = model.enter({ rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 60_000 });
    expect(model.heartbeat(first.memberId, 1)).toBe('REBALANCE_IN_PROGRESS');
    model.advance(19_999);
    expect(second.joined.reply).toBeUndefined();
    model.advance(1);
    expect(second.joined.reply).toMatchObject({ error: 'NONE', generation: 2, leader: second.memberId });
    expect(model.members).toEqual([second.memberId]);
    expect(model.heartbeat(first.memberId, 1)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('tells a follower whose answer was lost its generation, without a rebalance', () => {
    const { model, ids } = stable(2);
    expect(model.join({ memberId: ids[1]! }).reply).toMatchObject({ error: 'NONE', generation: 1, members: [] });
    expect(model.group!.state).toBe('Stable');
    expect(String(model.sync(ids[1]!, 1).reply?.assignment)).toBe(`to ${ids[1]}`);
  });

  it('rebalances when the leader joins again, or a follower has other metadata', () => {
    for (const again of [
      { who: 0, protocols: joinRequest().protocols },
      { who: 1, protocols: [{ name: 'range', metadata: Buffer.from('other') }] },
    ]) {
      const { model, ids } = stable(2);
      const joined = model.join({ memberId: ids[again.who]!, protocols: again.protocols });
      expect(joined.reply).toBeUndefined();
      expect(model.group!.state).toBe('PreparingRebalance');
      model.join({ memberId: ids[1 - again.who]! });
      expect(joined.reply).toMatchObject({ error: 'NONE', generation: 2 });
    }
  });

  it('keeps to its own answer when the next rebalance has begun meanwhile', () => {
    const { model, ids } = stable(1);
    const second = model.enter();
    model.join({ memberId: ids[0]! });
    // The second has its answer of generation 2; the leader wants another rebalance before it has synced.
    model.join({ memberId: ids[0]!, protocols: [{ name: 'range', metadata: Buffer.from('new') }] });
    expect(second.joined.reply).toMatchObject({ error: 'NONE', generation: 2 });
    expect(model.sync(second.memberId, 2).reply?.error).toBe('REBALANCE_IN_PROGRESS');
  });

  it('refuses a member beyond the limit', () => {
    const model = new ClassicGroupModel({ maxSize: 1 });
    model.enter();
    const refused = { error: 'GROUP_MAX_SIZE_REACHED', memberId: '' };
    expect(model.join().reply).toMatchObject(refused);
    expect(model.join({ requiresKnownMemberId: false }).reply).toMatchObject(refused);
  });
});

describe('the protocol', () => {
  const choose = (...preferences: string[][]) =>
    selectProtocol(preferences.map((names) => ({ ...MEMBER, protocols: offers(...names) })));
  const MEMBER = {
    memberId: '',
    instanceId: null,
    clientId: '',
    clientHost: '',
    sessionTimeoutMs: 0,
    rebalanceTimeoutMs: 0,
    seenAt: 0,
  };

  it('is one that all have, and most prefer', () => {
    expect(choose(['a', 'b'])).toBe('a');
    expect(choose(['a', 'b'], ['b', 'c'])).toBe('b');
    expect(choose(['a', 'b'], ['b', 'a'], ['b', 'a'])).toBe('b');
    expect(choose(['c', 'a', 'b'], ['b', 'a'], ['a', 'b'])).toBe('a');
    expect(choose(['a', 'a', 'b'], ['b'])).toBe('b');
  });

  it('hands the leader what each tells for it', () => {
    const model = new ClassicGroupModel({ initialRebalanceDelayMs: DELAY_MS });
    const [leader] = [model.enter({ protocols: offers('x', 'y') }), model.enter({ protocols: offers('y', 'z') })];
    settle(model);
    expect(leader.joined.reply!.protocolName).toBe('y');
    expect(leader.joined.reply!.members.map(({ metadata }) => String(metadata))).toEqual(['of y', 'of y']);
  });
});

describe('syncing', () => {
  it('waits for the leader', () => {
    const model = new ClassicGroupModel({ initialRebalanceDelayMs: DELAY_MS });
    const [leader, follower] = [model.enter(), model.enter()];
    settle(model);
    const waiting = model.sync(follower.memberId, 1);
    expect(waiting.reply).toBeUndefined();
    const own = model.sync(leader.memberId, 1, { [follower.memberId]: 'theirs' }).reply;
    expect([String(own?.assignment), String(waiting.reply?.assignment)]).toEqual(['', 'theirs']);
    expect(waiting.reply).toMatchObject({ error: 'NONE', protocolType: 'consumer', protocolName: 'range' });
  });

  it('is called off when a rebalance begins', () => {
    const model = new ClassicGroupModel({ initialRebalanceDelayMs: DELAY_MS });
    const [, follower] = [model.enter(), model.enter()];
    settle(model);
    const waiting = model.sync(follower.memberId, 1);
    model.enter();
    expect(waiting.reply?.error).toBe('REBALANCE_IN_PROGRESS');
  });

  it('drops those who do not, and rebalances the others', () => {
    const model = new ClassicGroupModel({ initialRebalanceDelayMs: DELAY_MS });
    const wanted = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 20_000 };
    const [leader, follower] = [model.enter(wanted), model.enter(wanted)];
    settle(model);
    model.sync(leader.memberId, 1, {});
    model.advance(19_999);
    expect(model.group).toMatchObject({ state: 'Stable', pendingSync: new Set([follower.memberId]) });
    expect([model.heartbeat(leader.memberId, 1), model.heartbeat(follower.memberId, 1)]).toEqual(['NONE', 'NONE']);
    model.advance(1);
    expect(model.heartbeat(leader.memberId, 1)).toBe('REBALANCE_IN_PROGRESS');
    expect(model.heartbeat(follower.memberId, 1)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('gives the same again to who asks again', () => {
    const { model, ids } = stable(2);
    for (const id of [...ids, ...ids]) {
      expect(String(model.sync(id, 1, { [id]: 'something else' }).reply?.assignment)).toBe(`to ${id}`);
    }
  });
});

describe('leaving', () => {
  it('rebalances the others, and chooses another leader', () => {
    const { model, ids } = stable(3);
    expect(model.leave({ memberId: ids[0]!, instanceId: null })).toMatchObject([{ error: 'NONE' }]);
    const joined = ids.slice(1).map((memberId) => model.join({ memberId }));
    expect(joined.map(({ reply }) => [reply?.generation, reply?.leader])).toEqual([
      [2, ids[1]],
      [2, ids[1]],
    ]);
  });

  it('of the last one leaves an empty group, whose generation goes on', () => {
    const { model, ids } = stable(1);
    model.leave({ memberId: ids[0]!, instanceId: null });
    expect(model.group).toMatchObject({ state: 'Empty', generation: 2, leader: undefined, protocolType: 'consumer' });
    const { joined } = model.enter({ protocolType: 'connect' });
    settle(model);
    expect(joined.reply).toMatchObject({ error: 'NONE', generation: 3, protocolType: 'connect' });
  });

  it('takes back an id that was given out', () => {
    const { model, ids } = stable(1);
    const { memberId } = model.join().reply!;
    model.join({ memberId: ids[0]! });
    expect(model.group!.state).toBe('PreparingRebalance');
    expect(model.leave({ memberId, instanceId: null })).toMatchObject([{ error: 'NONE' }]);
    expect(model.group).toMatchObject({ state: 'CompletingRebalance', generation: 2 });
  });
});

describe('a silent member', () => {
  it('is out when its session is over, and the others rebalance', () => {
    const { model, ids } = stable(2);
    for (let i = 0; i < 9; i++) {
      model.advance(1_000);
      expect(model.heartbeat(ids[0]!, 1)).toBe('NONE');
    }
    model.advance(1_000);
    expect(model.heartbeat(ids[0]!, 1)).toBe('REBALANCE_IN_PROGRESS');
    expect(model.members).toEqual([ids[0]]);
  });

  it('stays while its request waits, and is out a session after that is dropped', () => {
    const { model, ids } = stable(1, { sessionTimeoutMs: 60_000 });
    const other = model.enter({ sessionTimeoutMs: 6_000 });
    model.advance(20_000);
    expect(model.members).toContain(other.memberId);
    model.drop(other.joined);
    model.advance(6_000);
    expect(model.members).toEqual(ids);
  });
});

describe('a static member', () => {
  const STATIC = { instanceId: 'i', sessionTimeoutMs: 60_000 };

  it('that comes back takes its own place, without a rebalance', () => {
    const { model, ids } = stable(2);
    const first = model.join({ ...STATIC });
    for (const memberId of ids) model.join({ memberId });
    const memberId = first.reply!.memberId;
    expect(memberId).toMatch(/^i-/);
    model.sync(ids[0]!, 2, { [memberId]: 'its share' });
    const again = model.join({ ...STATIC }).reply!;
    expect(again).toMatchObject({ error: 'NONE', generation: 2, leader: ids[0], skipAssignment: false, members: [] });
    expect(model.group!.state).toBe('Stable');
    expect(String(model.sync(again.memberId, 2, {}, { instanceId: 'i' }).reply?.assignment)).toBe('its share');
    expect(model.heartbeat(memberId, 2, 'i')).toBe('FENCED_INSTANCE_ID');
    expect(model.heartbeat(memberId, 2)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('that led is told to leave the assignment alone, in the way its version knows', () => {
    for (const supportsSkippingAssignment of [true, false]) {
      const model = new ClassicGroupModel();
      const former = model.join(STATIC).reply!;
      model.sync(former.memberId, 1, { [former.memberId]: 'all' });
      const again = model.join({ ...STATIC, supportsSkippingAssignment }).reply!;
      expect(model.group!.leader).toBe(again.memberId);
      expect(again).toMatchObject(
        supportsSkippingAssignment
          ? { skipAssignment: true, leader: again.memberId, members: [{ memberId: again.memberId }] }
          : { skipAssignment: false, leader: former.memberId, members: [] },
      );
    }
  });

  it('that comes back with other protocols makes a rebalance where another one is chosen', () => {
    const model = new ClassicGroupModel();
    const former = model.join({ ...STATIC, protocols: offers('a', 'b') }).reply!;
    model.sync(former.memberId, 1, {});
    const again = model.join({ ...STATIC, protocols: offers('b') }).reply!;
    expect(again).toMatchObject({ error: 'NONE', generation: 2, protocolName: 'b' });
  });

  it('fences the request of its former self that still waits', () => {
    const { model } = stable(1, { sessionTimeoutMs: 60_000 });
    const former = model.join(STATIC);
    const again = model.join(STATIC);
    expect(former.reply?.error).toBe('FENCED_INSTANCE_ID');
    expect(again.reply).toBeUndefined();
  });

  it('is kept although it does not join again, until its session is over', () => {
    const { model, ids } = stable(1, { sessionTimeoutMs: 200_000 });
    const one = model.join({ ...STATIC, sessionTimeoutMs: 100_000 });
    model.join({ memberId: ids[0]!, sessionTimeoutMs: 200_000 });
    model.sync(ids[0]!, 2, {});
    model.sync(one.reply!.memberId, 2, {}, { instanceId: 'i' });
    const other = model.enter({ sessionTimeoutMs: 200_000 });
    model.join({ memberId: ids[0]!, sessionTimeoutMs: 200_000 });
    model.advance(30_000);
    expect(other.joined.reply).toMatchObject({ error: 'NONE', generation: 3 });
    expect(model.members).toContain(one.reply!.memberId);
    for (let i = 0; i < 10; i++) {
      model.advance(7_000);
      model.heartbeat(ids[0]!, 3);
    }
    expect(model.members).not.toContain(one.reply!.memberId);
  });
});
