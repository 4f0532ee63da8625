import { classicProtocol } from '../../lib/groups/classic/protocol.ts';
import type {
  HeartbeatReply,
  JoinReply,
  JoinRequest,
  LeaveReply,
  MemberIdentity,
  SyncReply,
  SyncRequest,
} from '../../lib/groups/classic/requests.ts';
import { type ClassicGroup, isClassic } from '../../lib/groups/classic/state.ts';
import { NO_FACTS } from '../../lib/groups/facts.ts';
import type { Group } from '../../lib/groups/group.ts';
import type { Step, StepContext } from '../../lib/groups/step.ts';
import { heartbeatStep, joinStep, leaveStep, syncStep } from '../../lib/groups/steps.ts';
import { GROUP_CONFIG } from './consumer-group-model.ts';

/** A request's answer, once there is one. */
export interface Asked<Reply> {
  reply: Reply | undefined;
}

interface WaitingStep {
  step: Step<unknown>;
  askedOn: Group | undefined;
  alive: string | undefined;
  readonly asked: Asked<unknown>;
}

const SESSION_MS = 10_000;
const REBALANCE_MS = 30_000;

/** A join with what tests do not care about filled in. */
export function joinRequest(wanted: Partial<JoinRequest> = {}): JoinRequest {
  return {
    memberId: '',
    instanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('metadata') }],
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    requiresKnownMemberId: true,
    supportsSkippingAssignment: true,
    ...wanted,
  };
}

/**
 * One classic group without a store: requests are asked and asked again as the coordinator does it, members live by their
 * last sign of life, and every group that comes out goes through its stored form before the next request sees it.
 */
export class ClassicGroupModel {
  group: ClassicGroup | undefined;
  now = 1_000_000;
  readonly config: { initialRebalanceDelayMs: number; maxSize: number };
  readonly #seen = new Map<string, number>();
  #waiting: WaitingStep[] = [];
  #ids = 0;
  /** Looks at every group that comes out. */
  check: (before: ClassicGroup | undefined, after: ClassicGroup | undefined) => void = () => {};

  constructor(config: { initialRebalanceDelayMs?: number; maxSize?: number } = {}) {
    this.config = { initialRebalanceDelayMs: 0, maxSize: 1_000, ...config };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get members(): string[] {
    return [...(this.group?.roster.members.keys() ?? [])];
  }

  join(wanted: Partial<JoinRequest> = {}): Asked<JoinReply> {
    return this.ask(joinStep(joinRequest(wanted)));
  }

  /** Joins, and again with the id that a new member is given. */
  enter(wanted: Partial<JoinRequest> = {}): { readonly memberId: string; readonly joined: Asked<JoinReply> } {
    const first = this.join(wanted);
    const memberId = first.reply?.memberId ?? '';
    if (first.reply?.error !== 'MEMBER_ID_REQUIRED') return { memberId, joined: first };
    return { memberId, joined: this.join({ ...wanted, memberId }) };
  }

  sync(
    memberId: string,
    generation: number,
    assignments: Readonly<Record<string, string>> = {},
    more: Partial<SyncRequest> = {},
  ) {
    return this.ask<SyncReply>(
      syncStep({
        memberId,
        instanceId: null,
        generation,
        protocolType: null,
        protocolName: null,
        assignments: new Map(Object.entries(assignments).map(([id, text]) => [id, Buffer.from(text)])),
        ...more,
      }),
    );
  }

  heartbeat(memberId: string, generation: number, instanceId: string | null = null): HeartbeatReply {
    return this.ask(heartbeatStep({ memberId, generation, instanceId })).reply!;
  }

  leave(...members: MemberIdentity[]): LeaveReply {
    return this.ask(leaveStep({ members })).reply!;
  }

  /** Asks a step, then all that wait, until nobody has anything new to hear. */
  ask<Reply>(step: Step<Reply>): Asked<Reply> {
    const asked: Asked<Reply> = { reply: undefined };
    this.#askOne({ step, askedOn: undefined, alive: undefined, asked: asked as Asked<unknown> });
    this.#settle();
    return asked;
  }

  /** Lets time pass; members whose requests wait here stay alive. */
  advance(ms: number): void {
    this.now += ms;
    this.#settle();
  }

  /** Ends the waiting of requests, as when their clients are gone. */
  drop(asked: Asked<unknown>): void {
    this.#waiting = this.#waiting.filter((one) => one.asked !== asked);
  }

  #askOne(waiting: WaitingStep): void {
    this.#keepAlive();
    const expired = new Set(this.members.filter((memberId) => this.#isExpired(memberId)));
    let group: Group | undefined = this.group;
    if (this.group !== undefined) group = classicProtocol.advance(this.group, expired, this.#context());
    const result = waiting.step.decide(group, this.#context());
    const after = result.group === undefined ? undefined : this.#advanceTwice(result.group as ClassicGroup);
    this.#take(after);
    if (result.alive !== undefined) this.#seen.set(result.alive, this.now);
    if (result.kind === 'reply') waiting.asked.reply = result.reply;
    else this.#waiting.push({ ...waiting, step: result.next, askedOn: result.group, alive: result.alive });
  }

  #advanceTwice(group: ClassicGroup): ClassicGroup {
    const once = classicProtocol.advance(group, new Set(), this.#context()) as ClassicGroup;
    return classicProtocol.advance(once, new Set(), this.#context()) as ClassicGroup;
  }

  #settle(): void {
    for (let round = 0; round < 100; round++) {
      this.#keepAlive();
      if (this.group !== undefined) {
        const expired = new Set(this.members.filter((memberId) => this.#isExpired(memberId)));
        this.#take(classicProtocol.advance(this.group, expired, this.#context()) as ClassicGroup);
      }
      const due = this.#waiting.filter((one) => one.askedOn !== this.group);
      if (due.length === 0) return;
      this.#waiting = this.#waiting.filter((one) => !due.includes(one));
      for (const one of due) this.#askOne(one);
    }
    throw new Error('the waiting requests do not come to rest');
  }

  #take(after: ClassicGroup | undefined): void {
    if (after === this.group) return;
    this.check(this.group, after);
    this.group = after === undefined ? undefined : stored(after);
  }

  #keepAlive(): void {
    for (const { alive } of this.#waiting) if (alive !== undefined) this.#seen.set(alive, this.now);
  }

  #isExpired(memberId: string): boolean {
    const member = this.group!.roster.members.get(memberId)!;
    return Math.max(this.#seen.get(memberId) ?? 0, member.seenAt) + member.sessionTimeoutMs <= this.now;
  }

  #context(): StepContext {
    const config = { ...GROUP_CONFIG, classic: { ...GROUP_CONFIG.classic, ...this.config } };
    const newMemberId = (prefix: string) => `${prefix}-${this.#ids++}`;
    const rest = { isUnused: false, facts: NO_FACTS, takenInBy: undefined };
    return { groupId: 'g', now: this.now, since: 0, config, newMemberId, ...rest };
  }
}

/** The group as another process would read it. */
function stored(group: ClassicGroup): ClassicGroup {
  const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  const { encodeHead, encodeBody, decode } = classicProtocol;
  const read = decode(json(encodeHead(group)), json(encodeBody(group)));
  if (!isClassic(read)) throw new Error('a classic group stays one');
  return read;
}
