import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JoinReply, SyncReply } from '../../../lib/groups/classic/requests.ts';
import type { ClassicGroup } from '../../../lib/groups/classic/state.ts';
import { type Asked, ClassicGroupModel } from '../../support/classic-group-model.ts';
import { runs } from '../../support/runs.ts';

const CLIENTS = 5;
const SESSIONS = [6_000, 10_000, 45_000];
const REBALANCES = [5_000, 30_000, 60_000];
const RUNS = runs(3_000);

type Action =
  | { readonly kind: 'follow' | 'repeat' | 'stale' | 'leave' | 'forget' | 'die' | 'change'; readonly who: number }
  | { readonly kind: 'tick'; readonly ms: number };

const who = fc.nat({ max: CLIENTS - 1 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: who.map((one): Action => ({ kind: 'follow', who: one })) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('repeat', 'stale', 'leave', 'forget', 'die', 'change'),
      who,
    }) as fc.Arbitrary<Action>,
  },
  { weight: 4, arbitrary: fc.constantFrom(1, 500, 3_000, 7_000, 31_000).map((ms): Action => ({ kind: 'tick', ms })) },
);

const plan = fc.record({
  delayMs: fc.constantFrom(0, 0, 3_000),
  maxSize: fc.constantFrom(2, 3, 1_000, 1_000),
  clients: fc.array(
    fc.record({
      static: fc.boolean(),
      session: fc.constantFrom(...SESSIONS),
      rebalance: fc.constantFrom(...REBALANCES),
      old: fc.boolean(),
      both: fc.boolean(),
    }),
    { minLength: CLIENTS, maxLength: CLIENTS },
  ),
  actions: fc.array(action, { maxLength: 60 }),
});

interface Client {
  readonly index: number;
  readonly instanceId: string | null;
  readonly session: number;
  readonly rebalance: number;
  readonly requiresKnownMemberId: boolean;
  readonly both: boolean;
  metadata: number;
  memberId: string;
  generation: number;
  isLeader: boolean;
  phase: 'join' | 'sync' | 'stable';
  joining: Asked<JoinReply> | undefined;
  syncing: Asked<SyncReply> | undefined;
  assignees: readonly string[];
  skip: boolean;
  dead: boolean;
}

/** Clients as Kafka's behave, against the pure machine, and what must hold whatever they do. */
class Play {
  readonly model: ClassicGroupModel;
  readonly clients: Client[];
  readonly #assigned = new Map<string, string>();

  constructor({ delayMs, maxSize, clients }: Omit<typeof plan extends fc.Arbitrary<infer P> ? P : never, 'actions'>) {
    this.model = new ClassicGroupModel({ initialRebalanceDelayMs: delayMs, maxSize });
    this.model.check = (before, after) => checkGroup(before, after);
    this.clients = clients.map((one, index) => ({
      index,
      instanceId: one.static ? `instance-${index}` : null,
      session: one.session,
      rebalance: one.rebalance,
      requiresKnownMemberId: !one.old,
      both: one.both,
      metadata: 0,
      memberId: '',
      generation: -1,
      isLeader: false,
      phase: 'join',
      joining: undefined,
      syncing: undefined,
      assignees: [],
      skip: false,
      dead: false,
    }));
  }

  do(step: Action): void {
    if (step.kind === 'tick') {
      this.model.advance(step.ms);
      return;
    }
    const client = this.clients[step.who]!;
    if (client.dead) return;
    switch (step.kind) {
      case 'follow':
        this.follow(client);
        return;
      case 'repeat':
        // The connection was lost: the request that waits is sent again, its first answer is never seen.
        if (client.joining !== undefined) client.joining = this.#join(client);
        else if (client.syncing !== undefined) client.syncing = this.#sync(client);
        return;
      case 'stale':
        this.#stale(client);
        return;
      case 'leave':
        this.model.leave({ memberId: client.memberId, instanceId: client.instanceId });
        forget(client);
        return;
      case 'forget':
        // A restart: a static member comes back without its member id.
        this.#hangUp(client);
        forget(client);
        return;
      case 'die':
        this.#hangUp(client);
        client.dead = true;
        return;
      case 'change':
        client.metadata++;
        client.phase = 'join';
        client.joining = undefined;
        return;
    }
  }

  /** Does what a client does next. */
  follow(client: Client): void {
    if (client.joining !== undefined) this.#joined(client);
    else if (client.syncing !== undefined) this.#synced(client);
    else if (client.phase === 'join') client.joining = this.#join(client);
    else if (client.phase === 'sync') client.syncing = this.#sync(client);
    else this.#heartbeat(client);
  }

  #join(client: Client): Asked<JoinReply> {
    const metadata = Buffer.from(`${client.metadata}`);
    const names = client.both ? ['sticky', 'range'] : ['range'];
    return this.model.join({
      memberId: client.memberId,
      instanceId: client.instanceId,
      sessionTimeoutMs: client.session,
      rebalanceTimeoutMs: client.rebalance,
      requiresKnownMemberId: client.requiresKnownMemberId,
      protocols: names.map((name) => ({ name, metadata })),
    });
  }

  #joined(client: Client): void {
    const { reply } = client.joining!;
    if (reply === undefined) return;
    client.joining = undefined;
    switch (reply.error) {
      case 'NONE':
        expect(reply.generation).toBeGreaterThan(0);
        client.memberId = reply.memberId;
        client.generation = reply.generation;
        client.isLeader = reply.leader === reply.memberId;
        client.assignees = reply.members.map(({ memberId }) => memberId);
        client.skip = reply.skipAssignment;
        if (client.isLeader) expect(client.assignees).toContain(reply.memberId);
        else expect(reply.members).toEqual([]);
        client.phase = 'sync';
        return;
      case 'MEMBER_ID_REQUIRED':
        expect([client.memberId, client.requiresKnownMemberId, client.instanceId]).toEqual(['', true, null]);
        client.memberId = reply.memberId;
        return;
      case 'UNKNOWN_MEMBER_ID':
      case 'FENCED_INSTANCE_ID':
      case 'GROUP_MAX_SIZE_REACHED':
        forget(client);
        return;
      default:
        throw new Error(`a join is not answered with ${reply.error}`);
    }
  }

  #sync(client: Client): Asked<SyncReply> {
    const { generation } = client;
    const given = client.isLeader && !client.skip ? client.assignees : [];
    const assignments = Object.fromEntries(given.map((memberId) => [memberId, `${memberId} in ${generation}`]));
    return this.model.sync(client.memberId, generation, assignments, { instanceId: client.instanceId });
  }

  #synced(client: Client): void {
    const { reply } = client.syncing!;
    if (reply === undefined) return;
    client.syncing = undefined;
    if (reply.error !== 'NONE') {
      expect(['REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']).toContain(
        reply.error,
      );
      this.#back(client, reply.error);
      return;
    }
    const assignment = String(reply.assignment);
    const place = `${client.memberId} ${client.generation}`;
    expect(this.#assigned.get(place) ?? assignment).toBe(assignment);
    this.#assigned.set(place, assignment);
    // A dynamic member gets its own of this generation, or nothing if it came while the leader was assigning.
    if (client.instanceId === null) expect([`${client.memberId} in ${client.generation}`, '']).toContain(assignment);
    client.phase = 'stable';
  }

  #heartbeat(client: Client): void {
    const reply = this.model.heartbeat(client.memberId, client.generation, client.instanceId);
    const { group } = this.model;
    if (reply === 'NONE') {
      expect(group!.generation).toBe(client.generation);
      expect(group!.roster.members.has(client.memberId)).toBe(true);
    } else this.#back(client, reply);
  }

  #back(client: Client, error: string): void {
    client.phase = 'join';
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') forget(client);
  }

  /** Requests with what was true once, or never. */
  #stale({ memberId, generation, instanceId }: Client): void {
    const { group } = this.model;
    for (const wrong of [generation - 1, generation + 1]) {
      if (wrong === group?.generation) continue;
      expect(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']).toContain(
        this.model.heartbeat(memberId, wrong, instanceId),
      );
      const sync = this.model.sync(memberId, wrong, { [memberId]: 'from the past' }, { instanceId });
      expect(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']).toContain(sync.reply?.error);
    }
    expect(this.model.heartbeat('nobody', generation)).toBe('UNKNOWN_MEMBER_ID');
  }

  #hangUp(client: Client): void {
    if (client.joining !== undefined) this.model.drop(client.joining);
    if (client.syncing !== undefined) this.model.drop(client.syncing);
  }

  /** Everybody who lives goes on, and time passes, until nothing is left to be done. */
  settle(): void {
    const live = this.clients.filter(({ dead }) => !dead);
    const { maxSize } = this.model.config;
    for (let second = 0; second < 400; second++) {
      for (const client of live) for (let i = 0; i < 3; i++) this.follow(client);
      const stable = live.filter(({ phase }) => phase === 'stable');
      const members = new Set(this.model.members);
      // Static members that are late keep their place, so that there can be some more than the limit, as in Kafka.
      const everybody = stable.length >= Math.min(live.length, maxSize) && members.size === stable.length;
      if (everybody && (this.model.group?.state === 'Stable' || live.length === 0)) {
        for (const { memberId, generation } of stable) {
          expect(members.has(memberId)).toBe(true);
          expect(generation).toBe(this.model.group!.generation);
        }
        return;
      }
      if (live.length === 0 && members.size === 0 && (this.model.group?.state ?? 'Empty') === 'Empty') return;
      this.model.advance(1_000);
    }
    const phases = live.map(({ index, phase }) => `${index}: ${phase}`).join(', ');
    throw new Error(`not settled: ${phases}, group ${this.model.group?.state} of ${this.model.members.join(', ')}`);
  }
}

function forget(client: Client): void {
  client.joining = undefined;
  client.syncing = undefined;
  client.memberId = '';
  client.generation = -1;
  client.phase = 'join';
}

/** What holds of every group. */
function checkGroup(before: ClassicGroup | undefined, after: ClassicGroup | undefined): void {
  if (after === undefined) throw new Error('no group goes away by itself');
  const { members, assignments } = after.roster;
  if (before !== undefined) expect(after.generation).toBeGreaterThanOrEqual(before.generation);
  for (const known of [after.joined, after.pendingSync, assignments.keys()]) {
    for (const memberId of known) expect(members.has(memberId)).toBe(true);
  }
  for (const memberId of after.pendingJoin.keys()) expect(members.has(memberId)).toBe(false);
  const instances = [...members.values()].flatMap(({ instanceId }) => instanceId ?? []);
  expect(new Set(instances).size).toBe(instances.length);
  switch (after.state) {
    case 'Empty':
      expect([members.size, after.leader]).toEqual([0, undefined]);
      break;
    case 'PreparingRebalance':
      expect(after.joinDeadline).toBeDefined();
      break;
    case 'CompletingRebalance':
    case 'Stable':
      expect(members.has(after.leader!)).toBe(true);
      expect(after.joined.size).toBe(0);
      expect(after.pendingSync.size > 0).toBe(after.syncDeadline !== undefined);
      break;
  }
}

describe('a classic group', () => {
  it('holds its promises whatever its members do, and comes to rest', () => {
    fc.assert(
      fc.property(plan, ({ actions, ...setup }) => {
        const play = new Play(setup);
        for (const step of actions) play.do(step);
        play.settle();
      }),
      { numRuns: RUNS },
    );
  });
});
