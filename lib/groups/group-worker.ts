import { clipText } from '../core/clip-text.ts';
import { type Clock, sleep } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { Logger } from '../core/logger.ts';
import { type Random, randomInt } from '../core/random.ts';
import { randomUuid } from '../core/uuid.ts';
import type { Turns } from '../kit/turns.ts';
import { NO_MEMBER } from '../offsets/environment.ts';
import { type Item, StoreUnavailableError } from '../storage/ports.ts';
import type { GroupConfig } from './config.ts';
import { type Decision, decideRound, type MissingFacts } from './decide-round.ts';
import type { SentAway, Submitted } from './environment.ts';
import type { TopicLook } from './facts.ts';
import { type Facts, NO_FACTS } from './facts.ts';
import type { Group, Session } from './group.ts';
import { type GroupStore, isStoreProblem, type LoadedGroup, sinceOf } from './group-store.ts';
import { Leases } from './leases.ts';
import { PatternMatches } from './pattern-matches.ts';
import { offsetFactsOf, protocolOf } from './protocols.ts';
import { RequestQueue } from './queue.ts';
import type { GroupRequest } from './request.ts';
import type { Step, StepContext } from './step.ts';
import type { ExpireOffsets } from './sweep.ts';
import { TopicLooks, type TopicSources } from './topic-looks.ts';

export interface WorkerEnvironment {
  readonly store: GroupStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: GroupConfig;
  readonly sources: TopicSources;
  readonly turns: Turns;
  readonly expireOffsets: ExpireOffsets;
  /** What a worker remembers takes so many bytes more than before, or fewer where negative. */
  readonly onRemembered: (bytes: number) => void;
}

/** How often a group that somebody waits for is read, if nothing else has it read: five times a second; ms. */
const POLL_MS = 200;

/** The pause after a lost race is at most this, doubled with each further race, up to POLL_MS; ms. */
const BACKOFF_BASE_MS = 10;

/** Lost races of one round, after which its requests fail with a retriable error. */
const CONFLICTS_MAX = 30;

/** A member id begins with what the member calls itself and ends with a uuid, and is a string of at most 32,767 bytes. */
const MEMBER_ID_PREFIX_BYTES_MAX = 0x7fff - 40;

/** How often bodies that no head names are looked for; ms. */
const ORPHANS_EVERY_MS = 60 * 60 * 1000;

/**
 * One group in this process. Requests that arrive together are decided together and share a read and a put. While
 * requests wait for other members, the group is read five times a second. Without requests nothing happens.
 */
export class GroupWorker {
  readonly groupId: string;
  readonly #env: WorkerEnvironment;
  readonly #queue: RequestQueue;
  readonly #leases: Leases;
  readonly #looks: TopicLooks;
  readonly #patterns: PatternMatches;
  /** What the group took in last, and the body that did. */
  #takenIn: { readonly look: TopicLook; readonly by: object | undefined } | undefined;
  #loaded: LoadedGroup | undefined;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #pollDue = false;
  #orphansAt: number;

  constructor(groupId: string, env: WorkerEnvironment) {
    this.groupId = groupId;
    this.#env = env;
    this.#queue = new RequestQueue(env.clock);
    this.#leases = new Leases(env.store.env, groupId);
    this.#looks = new TopicLooks(env.sources);
    this.#patterns = new PatternMatches(env.turns);
    this.#orphansAt = env.clock.monotonic();
  }

  /** Nothing waits and nothing is under way, so that it may be forgotten. */
  get isIdle(): boolean {
    return this.#queue.size === 0 && this.#running === undefined;
  }

  /** What it remembers takes about so much, encoded; bytes. */
  get bytes(): number {
    return this.#loaded?.bytes ?? 0;
  }

  /** The group as this process has seen it last. */
  get loaded(): LoadedGroup | undefined {
    return this.#loaded;
  }

  submit<Reply>(step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply> | SentAway> {
    const answer = this.#queue.add(step, context);
    this.#start();
    return answer;
  }

  /** Fails the requests that wait, and waits for the round in progress. */
  async close(): Promise<void> {
    for (const request of this.#queue.all()) request.fail('COORDINATOR_NOT_AVAILABLE');
    this.#cancelTimer?.();
    await this.#running;
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#queue.hasUnread) this.#start();
      else this.#sleepUntilDue();
    });
  }

  #sleepUntilDue(): void {
    if (this.#queue.size === 0) return;
    const { group } = this.#loaded ?? {};
    const now = this.#now();
    const dueAt = group === undefined ? undefined : protocolOf(group).dueAt(group);
    // The last round has done what was due by then.
    const delayMs = dueAt !== undefined && dueAt > now ? Math.min(POLL_MS, dueAt - now) : POLL_MS;
    this.#cancelTimer = this.#env.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#pollDue = true;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        this.#queue.failLate();
        if (this.#queue.size === 0) return;
        const mustRead = this.#queue.hasUnread || this.#pollDue || this.#loaded === undefined;
        if (mustRead) await this.#read();
        else if (!this.#queue.all().some((request) => request.isDue(this.#loaded!.group))) return;
        if (!(await this.#round())) return;
      }
    } catch (error) {
      this.#failAll(error);
    }
  }

  /** Reads the group for all that have come so far. */
  async #read(): Promise<void> {
    this.#pollDue = false;
    const before = this.#queue.all();
    this.#remember(await this.#env.store.load(this.groupId, this.#loaded));
    for (const request of before) request.wasRead();
    this.#lookForOrphans();
  }

  /**
   * Decides all requests that the group as loaded has something new for, makes the outcome true, and answers. False where
   * nothing can be done before the next read.
   */
  async #round(): Promise<boolean> {
    let limit = Number.POSITIVE_INFINITY;
    let backoffMs = BACKOFF_BASE_MS;
    let facts = NO_FACTS;
    for (let conflicts = 0; conflicts <= CONFLICTS_MAX; ) {
      const before = this.#loaded!;
      const now = this.#now();
      const expired = await this.#leases.expired(before.group, now);
      this.#queue.assertListening();
      const asked = this.#queue.all().filter((request) => request.isDue(before.group));
      const decision = decideRound(before.group, expired, asked.slice(0, limit), this.#context(now, facts));
      if (decision.kind === 'needs') {
        facts = await this.#learn(facts, decision, before);
        continue;
      }
      if (facts !== NO_FACTS) this.#takenIn = { look: facts.topics, by: decision.takenInBy };
      if (decision.group === before.group) {
        this.#deliver(decision, now);
        this.#keepAlive(now);
        return limit < asked.length;
      }
      const outcome = await this.#env.store.commit(this.groupId, before, decision.group, now);
      switch (outcome.kind) {
        case 'committed':
          this.#committed(before, outcome.loaded);
          this.#deliver(decision, now);
          this.#keepAlive(now);
          return true;
        case 'conflict':
          conflicts++;
          await sleep(this.#env.clock, randomInt(this.#env.random, 0, backoffMs));
          backoffMs = Math.min(2 * backoffMs, POLL_MS);
          await this.#takeOver(outcome.existing, conflicts);
          break;
        case 'tooLarge':
          limit = this.#refuseLarge(decision, outcome.bytes);
          break;
        case 'failed':
          throw new StoreUnavailableError(outcome.message);
      }
    }
    throw new StoreUnavailableError('the group is being changed by others all the time');
  }

  /** What a lost race found, or after the first one, what stands there by now. */
  async #takeOver(existing: Item | undefined, conflicts: number): Promise<void> {
    const { store } = this.#env;
    if (conflicts === 1) this.#remember(await store.take(this.groupId, existing, this.#loaded));
    else this.#remember(await store.load(this.groupId, this.#loaded));
  }

  #remember(loaded: LoadedGroup): void {
    const before = this.bytes;
    this.#loaded = loaded;
    this.#env.onRemembered(loaded.bytes - before);
  }

  /** `facts` with what the requests need beside them; who needs it is refused where the store does not answer. */
  async #learn(facts: Facts, { needs, askers }: MissingFacts<GroupRequest>, before: LoadedGroup): Promise<Facts> {
    const { group } = before;
    try {
      const emptySince = group === undefined ? undefined : protocolOf(group).summary(group).emptySince;
      if (needs.expiredOffsetsGone && group !== undefined && emptySince !== undefined) {
        await this.#env.expireOffsets(this.groupId, offsetFactsOf(group, before.since, NO_MEMBER), emptySince);
      }
      const known = group === undefined ? undefined : protocolOf(group).topicsOf?.(group);
      // What is at hand is needed as well; by now it may be too old to be remembered.
      for (const name of facts.topics.named.keys()) needs.topics.add(name);
      if (facts.topics.list !== undefined) needs.allTopics ??= 'known';
      const topics = await this.#looks.look(needs, known ?? new Map());
      for (const pattern of facts.patterns.keys()) needs.patterns.add(pattern);
      return {
        topics,
        patterns: await this.#patterns.of(needs.patterns, topics.list),
        isListNew: facts.isListNew || needs.allTopics === 'new',
        expiredOffsetsGone: facts.expiredOffsetsGone || needs.expiredOffsetsGone,
      };
    } catch (error) {
      if (!isStoreProblem(error)) throw error;
      this.#logFailure(error);
      for (const request of askers) request.fail('COORDINATOR_NOT_AVAILABLE');
      return facts;
    }
  }

  #committed(before: LoadedGroup, after: LoadedGroup): void {
    this.#remember(after);
    const gone = before.group === undefined ? [] : goneMembers(before.group, after.group);
    if (gone.length > 0) void this.#leases.forget(gone).catch((error: unknown) => this.#logFailure(error));
    const [was, is] = [before.group, after.group].map((group) => group && protocolOf(group).summary(group));
    if (is !== undefined && (was?.generation !== is.generation || was.state !== is.state)) {
      const { generation, state } = is;
      this.#env.logger.log('info', { event: 'group_changed', groupId: this.groupId, generation, state });
    }
  }

  /** Half of what was too much at once, or the refusal of the one request that is too much by itself. */
  #refuseLarge({ results }: Decision<GroupRequest>, bytes: number): number {
    if (results.length > 1) return Math.ceil(results.length / 2);
    const [only] = results;
    this.#env.logger.log('warn', { event: 'group_too_large', groupId: this.groupId, bytes });
    if (only === undefined) throw new StoreUnavailableError('the group has outgrown its items');
    only.request.reply(only.tooLarge);
    return Number.POSITIVE_INFINITY;
  }

  #deliver({ results }: Decision<GroupRequest>, now: number): void {
    const sessions = this.#sessionsOf(results.flatMap(({ result }) => result.alive ?? []));
    for (const { request, result } of results) {
      // Its client may have gone while the group was written.
      const isOpen = request.state.kind !== 'answered';
      if (result.kind === 'wait') {
        if (isOpen) request.wait(result);
        continue;
      }
      const session = result.alive === undefined ? undefined : sessions.get(result.alive);
      if (session === undefined || !this.#leases.isDue(session, now)) {
        request.reply(result.reply);
        continue;
      }
      // The reply promises that the session goes on: a process that saw it end meanwhile may have removed the member.
      if (isOpen) request.renew();
      const endsAt = this.#leases.endOf(session);
      void this.#renew(session, now).then((renewed) => {
        if (renewed && this.#now() < endsAt) request.reply(result.reply);
        else request.fail('COORDINATOR_NOT_AVAILABLE');
      });
    }
  }

  /** A member whose request waits here is alive. */
  #keepAlive(now: number): void {
    const waiting = this.#queue.all().flatMap(({ alive }) => alive ?? []);
    for (const session of this.#sessionsOf(waiting).values()) {
      if (this.#leases.isDue(session, now)) void this.#renew(session, now);
    }
  }

  async #renew(session: Session, now: number): Promise<boolean> {
    try {
      return await this.#leases.renew(session, now);
    } catch (error) {
      this.#logFailure(error);
      return false;
    }
  }

  #sessionsOf(memberIds: readonly string[]): ReadonlyMap<string, Session> {
    const { group } = this.#loaded!;
    if (memberIds.length === 0 || group === undefined) return new Map();
    const wanted = new Set(memberIds);
    const found = new Map<string, Session>();
    for (const session of protocolOf(group).sessions(group)) {
      if (wanted.has(session.memberId)) found.set(session.memberId, session);
    }
    return found;
  }

  #lookForOrphans(): void {
    const now = this.#env.clock.monotonic();
    if (this.#loaded?.body?.kind !== 'item' || now - this.#orphansAt < ORPHANS_EVERY_MS) return;
    this.#orphansAt = now;
    void this.#env.store.removeOrphans(this.groupId).catch((error: unknown) => this.#logFailure(error));
  }

  #now(): number {
    return Math.floor(this.#env.store.env.state.now());
  }

  #context(now: number, facts: Facts): StepContext {
    const { config, random } = this.#env;
    const since = this.#loaded === undefined ? now : sinceOf(this.#loaded, now);
    const newMemberId = (prefix: string) => `${clipText(prefix, MEMBER_ID_PREFIX_BYTES_MAX)}-${randomUuid(random)}`;
    const takenInBy = this.#takenIn?.look === facts.topics ? this.#takenIn.by : undefined;
    const isUnused = this.#loaded?.isUnused === true;
    return { groupId: this.groupId, now, since, config, isUnused, facts, takenInBy, newMemberId };
  }

  /** The store does not answer, or holds what this program cannot read, or there is a bug. */
  #failAll(error: unknown): void {
    this.#logFailure(error);
    const isSilent = error instanceof StoreUnavailableError;
    for (const request of this.#queue.all()) {
      if (!isSilent) request.fail('UNKNOWN_SERVER_ERROR');
      // A request that waits can go on waiting, and one that renews a lease hears of the store by itself.
      else if (request.state.kind === 'unread' || request.state.kind === 'undecided') {
        request.fail('COORDINATOR_NOT_AVAILABLE');
      }
    }
  }

  #logFailure(error: unknown): void {
    const message = isStoreProblem(error) ? error.message : error instanceof Error ? error.stack : String(error);
    const level = error instanceof StoreUnavailableError ? 'warn' : 'error';
    this.#env.logger.log(level, { event: 'group_request_failed', groupId: this.groupId, message });
  }
}

function goneMembers(before: Group, after: Group | undefined): string[] {
  const bodyBefore = protocolOf(before).bodyOf(before);
  if (after !== undefined && protocolOf(after).bodyOf(after) === bodyBefore) return [];
  const left = new Set<string>();
  if (after !== undefined) for (const { memberId } of protocolOf(after).sessions(after)) left.add(memberId);
  return [...protocolOf(before).sessions(before)].map(({ memberId }) => memberId).filter((id) => !left.has(id));
}
