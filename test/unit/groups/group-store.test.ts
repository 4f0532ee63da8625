import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/core/logger.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { GroupCoordinator } from '../../../lib/groups/coordinator.ts';
import type { Step } from '../../../lib/groups/step.ts';
import { deleteStep, joinStep, leaveStep, syncStep } from '../../../lib/groups/steps.ts';
import type { SweptGroups } from '../../../lib/groups/sweep.ts';
import { Turns } from '../../../lib/kit/turns.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import type { FaultPlan, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { Topics } from '../../../lib/topics/topics.ts';
import { joinRequest } from '../../support/classic-group-model.ts';
import { GROUP_CONFIG } from '../../support/consumer-group-model.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { TOPIC_DEFAULTS } from '../../support/topic-defaults.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const GROUP = 'g';
/** More than a head has room for, so that the body is an item of its own. */
const LARGE = 20_000;

let clock: VirtualClock;
let stores: MemoryStores;
let faults: FaultPlan | undefined;
let deleted: { groupId: string; since: number }[];

beforeEach(() => {
  clock = new VirtualClock();
  faults = undefined;
  deleted = [];
  stores = memoryStores({ clock, random: seededRandom(1), faults: (call) => faults?.(call) });
});

function newCoordinator(): GroupCoordinator {
  const { state } = stores.client();
  const topics = new Topics(state, clock, TOPIC_DEFAULTS);
  const deleteOffsets = async (groupId: string, since: number) => deleted.push({ groupId, since }) > 0;
  const expireOffsets = async () => false;
  const env = { state, clock, random: systemRandom, logger: silentLogger, config: GROUP_CONFIG, topics };
  const keepsOffsets = async () => true;
  return new GroupCoordinator({ ...env, turns: new Turns(clock), deleteOffsets, expireOffsets, keepsOffsets });
}

const CONTEXT = {
  principal: 'User:ANONYMOUS' as const,
  clientId: '',
  host: '127.0.0.1',
  listener: 'PLAINTEXT',
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

/** Submits a step and lets time pass until it has its answer. */
async function ask<Reply>(coordinator: GroupCoordinator, step: Step<Reply>): Promise<Reply | string> {
  let answer: Reply | string | undefined;
  void coordinator.submit(GROUP, step, CONTEXT).then((submitted) => {
    answer = submitted.kind === 'reply' ? submitted.reply : submitted.error;
  });
  expect(await clock.runUntil(() => answer !== undefined, 60_000)).toBe(true);
  return answer!;
}

/** A member on its own in the group, its metadata of random bytes. */
async function enter(
  coordinator: GroupCoordinator,
  metadataBytes = 10,
): Promise<{ memberId: string; generation: number }> {
  const protocols = [{ name: 'range', metadata: systemRandom.bytes(metadataBytes) }];
  const request = joinRequest({ protocols, requiresKnownMemberId: false, sessionTimeoutMs: 1_800_000 });
  const joined = await ask(coordinator, joinStep(request));
  if (typeof joined === 'string' || joined.error !== 'NONE') throw new Error(JSON.stringify(joined));
  const { memberId, generation } = joined;
  const sync = { memberId, generation, instanceId: null, protocolType: null, protocolName: null };
  expect(await ask(coordinator, syncStep({ ...sync, assignments: new Map() }))).toMatchObject({ error: 'NONE' });
  return { memberId, generation };
}

const leave = (memberId: string) => leaveStep({ members: [{ memberId, instanceId: null }] });
const items = () => stores.contents().state.map(({ pk, sk }) => `${pk} ${sk.split('/')[0]}`);
const HOUR_MS = 60 * 60 * 1000;
const headVersion = () => stores.contents().state.find(({ sk }) => sk === 'group')?.version;

async function sweep(coordinator: GroupCoordinator) {
  let swept: SweptGroups | undefined;
  void coordinator
    .sweep(undefined, async () => false, new UnreadableItems(silentLogger), CONTEXT)
    .then((outcome) => {
      swept = outcome;
    });
  expect(await clock.runUntil(() => swept !== undefined, 60_000)).toBe(true);
  return swept!;
}

const isHeadPut = ({ operation, sortKey }: StoreCall) => operation === 'put' && sortKey === 'group';

describe('a large group', () => {
  it('has its body in an item of its own, and one only', async () => {
    const coordinator = newCoordinator();
    const first = await enter(coordinator, LARGE);
    expect(items()).toEqual(['group/g body', 'group/g group', 'groups g']);
    await ask(coordinator, leave(first.memberId));
    expect(items()).toEqual(['group/g group', 'groups g']);
  });

  it('is read by another process, and its body only once', async () => {
    const { generation } = await enter(newCoordinator(), LARGE);
    const other = newCoordinator();
    const read: string[] = [];
    faults = ({ operation, sortKey }) => {
      if (operation === 'get') read.push(sortKey.split('/')[0]!);
      return undefined;
    };
    for (let i = 0; i < 3; i++) {
      const described = await other.describe(GROUP, CONTEXT);
      expect(described).toMatchObject({ kind: 'reply', reply: { state: 'Stable', generation } });
    }
    expect(read).toEqual(['group', 'body', 'group', 'group']);
  });

  it('loses bodies that a crash left behind, once nobody can name them any more', async () => {
    const coordinator = newCoordinator();
    await enter(coordinator, LARGE);
    faults = (call) => (isHeadPut(call) ? { refuse: 'unavailable' } : undefined);
    const join = joinStep(
      joinRequest({
        requiresKnownMemberId: false,
        protocols: [{ name: 'range', metadata: systemRandom.bytes(LARGE) }],
      }),
    );
    expect(await ask(coordinator, join)).toBe('COORDINATOR_NOT_AVAILABLE');
    faults = undefined;
    const bodies = () => items().filter((item) => item.endsWith('body')).length;
    expect(bodies()).toBe(2);
    await clock.advance(20 * 60_000);
    await coordinator.describe(GROUP, CONTEXT);
    expect(bodies()).toBe(2);
    await clock.advance(60 * 60_000);
    await coordinator.describe(GROUP, CONTEXT);
    await clock.advance(1_000);
    expect(bodies()).toBeLessThanOrEqual(1);
  });
});

describe('a put whose answer is lost', () => {
  it('is repeated until it is known, and counts once', async () => {
    const coordinator = newCoordinator();
    let lost = 0;
    faults = (call) => (isHeadPut(call) && lost++ % 3 < 2 ? { loseAnswer: true } : undefined);
    expect(await enter(coordinator)).toMatchObject({ generation: 1 });
    expect(lost).toBeGreaterThan(4);
  });

  it('is answered with a retriable error while it stays unknown, and the next request sees what became of it', async () => {
    const coordinator = newCoordinator();
    const { memberId } = await enter(coordinator);
    faults = (call) => (isHeadPut(call) ? { landAfterMs: 30_000 } : undefined);
    expect(await ask(coordinator, leave(memberId))).toBe('COORDINATOR_NOT_AVAILABLE');
    faults = undefined;
    await clock.advance(31_000);
    expect(await coordinator.describe(GROUP, CONTEXT)).toMatchObject({ reply: { state: 'Empty' } });
  });
});

describe('a store that is silent for a while', () => {
  it('fails new requests, and not those that wait for others', async () => {
    const coordinator = newCoordinator();
    const { memberId } = await enter(coordinator);
    let joined: unknown;
    const join = joinStep(joinRequest({ requiresKnownMemberId: false, sessionTimeoutMs: 60_000 }));
    void coordinator.submit(GROUP, join, CONTEXT).then((submitted) => {
      joined = submitted;
    });
    await clock.advance(1_000);
    faults = () => ({ refuse: 'unavailable' });
    await clock.advance(5_000);
    expect(await ask(coordinator, leave(memberId))).toBe('COORDINATOR_NOT_AVAILABLE');
    expect(joined).toBeUndefined();
    faults = undefined;
    await ask(coordinator, leave(memberId));
    await clock.advance(1_000);
    expect(joined).toMatchObject({ kind: 'reply', reply: { error: 'NONE', generation: 2 } });
  });
});

describe('deleting a group', () => {
  it('leaves a trace of it for an hour, then nothing', async () => {
    const coordinator = newCoordinator();
    const { memberId } = await enter(coordinator, LARGE);
    expect(await ask(coordinator, deleteStep)).toBe('NON_EMPTY_GROUP');
    await ask(coordinator, leave(memberId));
    expect(await ask(coordinator, deleteStep)).toBe('NONE');
    expect(items()).toEqual(['group/g group', 'groups g']);
    expect(deleted).toMatchObject([{ groupId: GROUP }]);
    expect(await ask(coordinator, deleteStep)).toBe('GROUP_ID_NOT_FOUND');
    expect(await coordinator.list(CONTEXT)).toEqual([]);
    expect(await sweep(coordinator)).toMatchObject({ counts: { looked: 1, removed: 0 } });
    expect(items()).toEqual(['group/g group', 'groups g']);
    await clock.advance(HOUR_MS + 1_000);
    expect(await sweep(newCoordinator())).toMatchObject({ counts: { looked: 1, removed: 1 }, isComplete: true });
    expect(items()).toEqual([]);
  });

  it('never lets versions go back, nor a late first put bring it back', async () => {
    const [frozen, first] = [newCoordinator(), newCoordinator()];
    const put = joinStep(joinRequest({ requiresKnownMemberId: false, sessionTimeoutMs: 60_000 }));
    faults = (call) => (isHeadPut(call) ? { delayBeforeMs: 30_000 } : undefined);
    void frozen.submit(GROUP, put, CONTEXT);
    await clock.advance(1_000);
    faults = undefined;
    const { memberId } = await enter(first);
    await ask(first, leave(memberId));
    expect(await ask(first, deleteStep)).toBe('NONE');
    const version = headVersion();
    await clock.advance(40_000);
    // What was on its way has landed on the trace, was told so, and was decided again.
    expect(headVersion()).toBeGreaterThan(version!);
  });

  it('whose maker died before the head was there is struck off the list after an hour', async () => {
    const coordinator = newCoordinator();
    faults = (call) => (isHeadPut(call) ? { refuse: 'unavailable' } : undefined);
    expect(await ask(coordinator, joinStep(joinRequest({ requiresKnownMemberId: false })))).toBe(
      'COORDINATOR_NOT_AVAILABLE',
    );
    faults = undefined;
    expect(items()).toEqual(['groups g']);
    expect(await sweep(coordinator)).toMatchObject({ counts: { looked: 1, removed: 0 } });
    await clock.advance(HOUR_MS + 1_000);
    expect(await sweep(coordinator)).toMatchObject({ counts: { looked: 1, removed: 1 } });
    expect(items()).toEqual([]);
  });

  it('is finished by whoever comes next, wherever it was cut off', async () => {
    let cutOff = 0;
    for (let calls = 1; calls < 20; calls++) {
      const first = newCoordinator();
      const { memberId } = await enter(first);
      await ask(first, leave(memberId));
      deleted = [];
      let made = 0;
      // The process dies: from here on nothing that it asks is done.
      faults = () => (++made > calls ? { refuse: 'unavailable' } : undefined);
      const answer = await ask(first, deleteStep);
      faults = undefined;
      if (answer !== 'NONE') cutOff++;
      const next = newCoordinator();
      const found = await next.describe(GROUP, CONTEXT);
      const isThere = found.kind === 'reply' && found.reply !== undefined;
      if (isThere) expect(deleted).toEqual([]);
      else expect([deleted.length > 0, items()]).toEqual([true, ['group/g group', 'groups g']]);
      expect((await next.list(CONTEXT)).length).toBe(isThere ? 1 : 0);
      // One that is made anew begins at the beginning and is listed.
      if (!isThere) {
        const { memberId: another, generation } = await enter(next);
        expect(generation).toBe(1);
        expect(await next.list(CONTEXT)).toMatchObject([{ groupId: GROUP, state: 'Stable' }]);
        await ask(next, leave(another));
      }
      expect(await ask(next, deleteStep)).toBe('NONE');
    }
    expect(cutOff).toBeGreaterThanOrEqual(4);
  });

  it('does not take the place in the list from a group that is made meanwhile', async () => {
    const [first, second] = [newCoordinator(), newCoordinator()];
    const { memberId } = await enter(first);
    await ask(first, leave(memberId));
    // The first is slow to remove the entry; the second makes the group anew in that time.
    faults = ({ operation, key }) =>
      operation === 'delete' && key === 'groups' ? { delayBeforeMs: 5_000 } : undefined;
    const deleting = ask(first, deleteStep);
    const entering = enter(second);
    await Promise.all([deleting, entering]);
    await clock.advance(10_000);
    expect(await second.list(CONTEXT)).toMatchObject([{ groupId: GROUP, state: 'Stable' }]);
  });

  it('and making it anew gives it another beginning', async () => {
    const coordinator = newCoordinator();
    const since = async () => {
      const nobody = { memberId: '', instanceId: null, generationOrEpoch: -1 };
      const checked = await coordinator.checkCommit(GROUP, nobody, { transactional: false, apiVersion: 9 }, CONTEXT);
      return checked.kind === 'ok' ? checked.facts.since : Number.NaN;
    };
    const first = await since();
    await clock.advance(1_000);
    expect(await since()).toBe(first);
    await ask(coordinator, deleteStep);
    expect(deleted).toEqual([{ groupId: GROUP, since: first }]);
    expect(await since()).toBe(first + 1_000);
  });
});
