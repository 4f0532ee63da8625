import { describe, expect, it } from 'vitest';
import { sleep } from '../../../lib/core/clock.ts';
import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { Step } from '../../../lib/groups/step.ts';
import { heartbeatStep, joinStep, leaveStep, syncStep } from '../../../lib/groups/steps.ts';
import type { FaultPlan, LatencyModel } from '../../../lib/storage/memory/faults.ts';
import { joinRequest } from '../../support/classic-group-model.ts';
import { GroupCluster, type GroupConnection } from '../../support/group-cluster.ts';
import { scaled } from '../../support/machine.ts';
import { runs } from '../../support/runs.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const SEEDS = runs(20);
const INSTANCES = 4;
const MEMBERS = 6;
const PARTITIONS = 12;
const SESSION_MS = 10_000;
const REBALANCE_MS = 20_000;
const HEARTBEAT_MS = 1_000;
const REQUEST_MS = 30_000;
const TROUBLED_MS = 90_000;
/** A killed process's member is out after a session, its rebalance after the longest that a member may take, twice over. */
const CALM_MS = 2 * (SESSION_MS + REBALANCE_MS) + 10_000;
const GROUP = 'g';

/** What the leaders gave out: by generation and member. */
type Given = Map<string, string>;

/** A consumer's coordination as clients do it, until it is told to end; it never gives up. */
class Client {
  readonly connection: GroupConnection;
  readonly random: Random;
  readonly given: Given;
  readonly instanceId: string | null;
  memberId = '';
  generation = -1;
  assignment: string | undefined;
  highest = -1;
  ended = false;
  readonly problems: string[] = [];

  constructor(connection: GroupConnection, random: Random, given: Given, instanceId: string | null) {
    this.connection = connection;
    this.random = random;
    this.given = given;
    this.instanceId = instanceId;
  }

  async run(): Promise<void> {
    while (!this.ended) {
      if (!(await this.#enter())) await sleep(this.connection.clock, randomInt(this.random, 1, 500));
      while (!this.ended && this.assignment !== undefined) {
        await sleep(this.connection.clock, HEARTBEAT_MS);
        if (!this.ended) await this.#heartbeat();
      }
    }
  }

  async leave(): Promise<void> {
    this.ended = true;
    await this.#ask(leaveStep({ members: [{ memberId: this.memberId, instanceId: this.instanceId }] }));
    this.connection.close();
  }

  /** Is gone from one moment to the next. */
  die(): void {
    this.ended = true;
    this.connection.close();
  }

  async #ask<Reply>(step: Step<Reply>): Promise<Reply | undefined> {
    const answer = await this.connection.ask(GROUP, step, REQUEST_MS);
    return answer.kind === 'reply' ? answer.reply : undefined;
  }

  async #enter(): Promise<boolean> {
    const { memberId, instanceId } = this;
    const request = joinRequest({
      memberId,
      instanceId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
    });
    const joined = await this.#ask(joinStep(request));
    if (joined === undefined || this.ended) return false;
    if (joined.error === 'UNKNOWN_MEMBER_ID' || joined.error === 'FENCED_INSTANCE_ID') this.memberId = '';
    if (joined.error === 'MEMBER_ID_REQUIRED') this.memberId = joined.memberId;
    if (joined.error !== 'NONE') return joined.error === 'MEMBER_ID_REQUIRED';
    this.memberId = joined.memberId;
    this.generation = joined.generation;
    if (joined.generation < this.highest) this.problems.push(`generation ${joined.generation} after ${this.highest}`);
    this.highest = joined.generation;
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment;
    const assignments = new Map<string, Buffer>();
    if (isLeader) {
      const share = joined.members.map((): number[] => []);
      for (let partition = 0; partition < PARTITIONS; partition++) share[partition % share.length]!.push(partition);
      for (const [i, member] of joined.members.entries())
        assignments.set(member.memberId, Buffer.from(share[i]!.join(',')));
    }
    const synced = await this.#ask(
      syncStep({
        memberId: this.memberId,
        instanceId,
        generation: joined.generation,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments,
      }),
    );
    if (synced === undefined || this.ended) return false;
    if (synced.error === 'UNKNOWN_MEMBER_ID' || synced.error === 'FENCED_INSTANCE_ID') this.memberId = '';
    if (synced.error !== 'NONE') return synced.error === 'REBALANCE_IN_PROGRESS';
    this.#take(String(synced.assignment));
    return true;
  }

  /** Nobody else has any of these partitions in this generation, and asking again gives the same. */
  #take(assignment: string): void {
    const place = `${this.generation} ${this.instanceId ?? this.memberId}`;
    const before = this.given.get(place);
    if (before !== undefined && before !== assignment) this.problems.push(`${place}: ${before}, then ${assignment}`);
    const mine = new Set(assignment.split(','));
    for (const [other, theirs] of this.given) {
      if (other === place || !other.startsWith(`${this.generation} `) || theirs === '') continue;
      const shared = theirs.split(',').filter((partition) => mine.has(partition));
      if (shared.length > 0) this.problems.push(`${place} and ${other} both have ${shared}`);
    }
    this.given.set(place, assignment);
    this.assignment = assignment;
  }

  async #heartbeat(): Promise<void> {
    const { memberId, instanceId, generation } = this;
    const error = await this.#ask(heartbeatStep({ memberId, instanceId, generation }));
    if (error === undefined || error === 'NONE') return;
    this.assignment = undefined;
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') this.memberId = '';
  }
}

/** Answers that are lost, late or refused, and calls that take their time. */
function trouble(random: Random, isOn: () => boolean): { faults: FaultPlan; latency: LatencyModel } {
  const chance = (share: number) => isOn() && random.next() < share;
  return {
    faults: (call) => {
      if (chance(0.02)) return { refuse: 'throttled' };
      if (chance(0.02)) return { loseAnswer: true };
      if (call.operation === 'put' && chance(0.01)) return { landAfterMs: randomInt(random, 1, 3_000) };
      return chance(0.01) ? { delayAfterMs: randomInt(random, 1, 4_000) } : undefined;
    },
    latency: () => ({ beforeMs: randomInt(random, 0, 8), afterMs: randomInt(random, 0, 8) }),
  };
}

async function play(seed: number): Promise<{ kills: number; generation: number }> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  let troubled = true;
  const initialRebalanceDelayMs = seed % 3 === 0 ? 3_000 : 0;
  const settings = { clock, random, instances: INSTANCES, initialRebalanceDelayMs };
  const cluster = new GroupCluster({ ...settings, ...trouble(random, () => troubled) });
  const given: Given = new Map();
  const everybody: Client[] = [];
  const enter = (instanceId: string | null) => {
    const client = new Client(cluster.connect(), random, given, instanceId);
    everybody.push(client);
    void client.run();
    return client;
  };
  let live = Array.from({ length: MEMBERS }, (_, i) => enter(i < 2 ? `static-${i}` : null));
  let kills = 0;
  for (const until = clock.now() + TROUBLED_MS; clock.now() < until; ) {
    await clock.advance(randomInt(random, 1, 4_000));
    const what = random.next();
    if (what < 0.5) {
      cluster.replaceOne();
      kills++;
    } else if (what < 0.75) {
      const index = randomInt(random, 0, live.length);
      const client = live[index]!;
      if (what < 0.62) client.die();
      else void client.leave();
      live = [...live.slice(0, index), ...live.slice(index + 1), enter(client.instanceId)];
    }
  }
  troubled = false;
  const isSettled = () => {
    const [first] = live;
    return live.every((one) => one.assignment !== undefined && one.generation === first!.generation);
  };
  await clock.advance(CALM_MS);
  const settled = await clock.runUntil(isSettled, CALM_MS);
  const problems = everybody.flatMap((client) => client.problems);
  const state = live.map(({ memberId, generation, assignment }) => `${memberId}: ${generation} ${assignment}`);
  expect({ seed, problems, settled, state: settled ? [] : state }).toEqual({ seed, problems: [], settled, state: [] });
  expect(settled).toBe(true);
  const shared = live.flatMap(({ assignment }) => assignment!.split(',').map(Number));
  expect(shared.sort((a, b) => a - b)).toEqual(Array.from({ length: PARTITIONS }, (_, partition) => partition));
  // And it stays so: heartbeats find nothing new.
  const { generation } = live[0]!;
  await clock.advance(2 * SESSION_MS);
  expect(live.map((one) => [one.generation, one.assignment === undefined])).toEqual(
    live.map(() => [generation, false]),
  );
  for (const client of live) client.die();
  return { kills, generation };
}

describe('four coordinators on one store', () => {
  it(
    'bring every group to rest, however often they are killed',
    async () => {
      let kills = 0;
      let generations = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const played = await play(seed);
        kills += played.kills;
        generations += played.generation;
      }
      expect(kills).toBeGreaterThan(10 * SEEDS);
      expect(generations).toBeGreaterThan(5 * SEEDS);
    },
    scaled(60_000),
  );
});
