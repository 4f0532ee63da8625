import { randomInt } from '../../../lib/core/random.ts';
import { Caller } from '../caller.ts';
import { ClassicMember } from './classic-member.ts';
import { ConsumerMember } from './consumer-member.ts';
import type { GroupMember, MemberPlan } from './group-member.ts';
import type { SimGroup } from './sim-group.ts';

/** What befalls a member, per round of its work while there are troubles. */
const CRASH = 0.012;
const SUBSCRIBE = 0.02;

/** A member that stands still does so for up to this many sessions. */
const FREEZE_SESSIONS_MAX = 2;

/** Between two lives of a member, at most; a static one is to be back before its session ends. */
const AWAY_MS = 6_000;
const STATIC_AWAY_MS = 1_000;

/** How long the old life of a member goes on once the next one has begun; ms. */
const ZOMBIE_MS = 8_000;

/** When all is calm one member leaves and comes back, and then reads less for a while; ms after the calm began. */
const LAST_LEAVE_MS = 18_000;
const LAST_LESS_MS = 22_000;
const LAST_MORE_MS = 27_000;

/** A place in a group: a process that consumes, ends in one way or the other, and is started again. */
export class GroupSlot extends Caller {
  readonly group: SimGroup;
  readonly plan: MemberPlan;
  /** It leaves once when all is calm, and comes back. */
  readonly #leavesLast: boolean;
  #lives = 0;

  constructor(group: SimGroup, name: string, plan: MemberPlan, leavesLast: boolean) {
    super(group.cluster, name);
    this.group = group;
    this.plan = plan;
    this.#leavesLast = leavesLast;
  }

  get #running(): boolean {
    return !this.group.over && this.cluster.world.violations.length === 0;
  }

  /** Consumes, life after life, until `mayStop` and the group has come to rest. */
  async run(mayStop: () => boolean): Promise<void> {
    if (this.#leavesLast) this.group.leaving = true;
    await this.sleep(this.random.next() * 1_500);
    while (this.#running) {
      await this.#waitForPause();
      const member = this.#begin();
      this.group.present.add(member);
      await this.#live(member, mayStop);
      this.group.present.delete(member);
      const awayMs = this.plan.instanceId === null ? AWAY_MS : STATIC_AWAY_MS;
      if (this.#running) await this.sleep(this.random.next() * awayMs);
    }
  }

  get #calm(): boolean {
    return !this.cluster.world.troubles.on;
  }

  async #waitForPause(): Promise<void> {
    while (this.#running && this.cluster.world.clock.monotonic() < this.group.pausedUntil) await this.sleep(500);
  }

  #begin(): GroupMember {
    const name = `${this.name}l${this.#lives++}`;
    this.cluster.world.note('member', name, this.group.id, this.plan.protocol, this.plan.instanceId ?? '');
    const Member = this.plan.protocol === 'classic' ? ClassicMember : ConsumerMember;
    return new Member(this.group, name, this.plan);
  }

  async #live(member: GroupMember, mayStop: () => boolean): Promise<void> {
    const { clock } = this.cluster.world;
    let calmAt: number | undefined;
    let leaves = this.#leavesLast;
    if (this.random.next() < 0.3) this.#subscribe(member);
    while (this.#running && !member.ended) {
      await member.turn();
      if (!this.#calm) {
        if (await this.#befall(member)) return;
        continue;
      }
      // Those who took a static member's place have its assignment, whatever they read themselves.
      if (calmAt === undefined && this.plan.instanceId !== null) member.rejoin();
      calmAt ??= clock.monotonic();
      const calmMs = clock.monotonic() - calmAt;
      const readsLess = this.#leavesLast && calmMs > LAST_LESS_MS && calmMs < LAST_MORE_MS;
      member.subscribe(readsLess ? this.group.topics.slice(0, 1) : this.group.topics);
      if (leaves && calmMs > LAST_LEAVE_MS) {
        leaves = false;
        await member.goodbye();
      }
      if (this.#leavesLast && calmMs > LAST_MORE_MS) this.group.leaving = false;
      if (mayStop() && !this.group.leaving && this.group.isSettled) this.group.over = true;
    }
    if (this.random.next() < 0.6) await member.goodbye();
  }

  /** True if that was the end of this life. */
  async #befall(member: GroupMember): Promise<boolean> {
    const { world } = this.cluster;
    if (world.clock.monotonic() < this.group.pausedUntil) {
      if (this.random.next() < 0.7) await member.goodbye();
      return true;
    }
    const { leaves, freezes } = this.plan;
    const chance = this.random.next();
    // Often with a commit on its way, that nobody waits for any more.
    if (chance < CRASH + leaves && this.random.next() < 0.6) void member.commit(true);
    if (chance < CRASH) {
      world.note('memberCrash', member.name);
      return true;
    }
    if (chance < CRASH + leaves) {
      world.note('memberLeave', member.name);
      await member.goodbye();
      return true;
    }
    // A change that others hear of only after a while is worth more than one that they hear of at once.
    if (chance < CRASH + leaves + SUBSCRIBE) this.#subscribe(member);
    return chance < CRASH + leaves + SUBSCRIBE + freezes ? this.#freeze(member) : false;
  }

  /** Stands still, then goes on: true if somebody else has its place by then. */
  async #freeze(member: GroupMember): Promise<boolean> {
    const { world } = this.cluster;
    const ms = Math.ceil(this.random.next() * FREEZE_SESSIONS_MAX * this.plan.sessionMs);
    world.note('memberFreeze', member.name, ms);
    if (this.random.next() < 0.5) void member.commit(true);
    if (this.random.next() < 0.5) {
      // Somebody else takes the place while it stands still; then both are there.
      void this.#haunt(member, ms);
      return true;
    }
    await this.sleep(ms);
    if (this.random.next() < 0.7) await member.commit();
    return false;
  }

  async #haunt(member: GroupMember, ms: number): Promise<void> {
    const { clock } = this.cluster.world;
    await this.sleep(ms);
    const until = clock.monotonic() + ZOMBIE_MS;
    await member.commit();
    while (clock.monotonic() < until && !member.ended && this.#running && !this.#calm) await member.turn();
    if (this.random.next() < 0.5) await member.goodbye();
  }

  #subscribe(member: GroupMember): void {
    const { topics } = this.group;
    const one = topics[randomInt(this.random, 0, topics.length)]!;
    member.subscribe(this.random.next() < 0.5 ? [one] : topics);
  }
}
