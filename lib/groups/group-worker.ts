import { clipText } from '../core/clip-text.ts';
import { afterMicrotasks, type Clock, sleep } from '../core/clock.ts';
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
import { everyone, Leases } from './leases.ts';
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
  /** Reports by how many bytes the worker's memory grew; negative if it shrank. */
  readonly onRemembered: (bytes: number) => void;
}

/** Interval of reads of a group while requests wait, if nothing else reads it; ms. */
const POLL_MS = 200;

/**
 * Upper bound of the pause after the first lost race; ms. Doubles with each further race, up to
 * POLL_MS.
 */
const BACKOFF_BASE_MS = 10;

/** Races that one round may lose before its requests fail with a retriable error. */
const CONFLICTS_MAX = 30;

/**
 * Upper bound of the prefix of a member id; bytes. The id ends with a uuid; the whole string has at
 * most 32,767 bytes.
 */
const MEMBER_ID_PREFIX_BYTES_MAX = 0x7fff - 40;

/** Interval of the search for bodies that no head names; ms. */
const ORPHANS_EVERY_MS = 60 * 60 * 1000;

/**
 * One group in this process. Requests that arrive together are decided together and share a read
 * and a put. While requests wait for other members, the worker reads the group five times a second.
 * Without requests it does nothing.
 */
export class GroupWorker {
  readonly groupId: string;
  readonly #env: WorkerEnvironment;
  readonly #queue: RequestQueue;
  readonly #leases: Leases;
  readonly #looks: TopicLooks;
  readonly #patterns: PatternMatches;
  /** The topics that the group took in last, and the resulting group body. */
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

  /** No request waits and no round runs. The worker can be evicted. */
  get isIdle(): boolean {
    return this.#queue.size === 0 && this.#running === undefined;
  }

  /** Approximate encoded size of the remembered group; bytes. */
  get bytes(): number {
    return this.#loaded?.bytes ?? 0;
  }

  /** The group as this process last read or wrote it. */
  get loaded(): LoadedGroup | undefined {
    return this.#loaded;
  }

  submit<Reply>(step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply> | SentAway> {
    const answer = this.#queue.add(step, context);
    this.#start();
    return answer;
  }

  /** Fails all waiting requests, then waits for the running round. */
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
    // What only waits for its member's lease is answered by the outcome of that write.
    if (!this.#queue.all().some(({ state }) => state.kind !== 'renewing')) return;
    const { group } = this.#loaded ?? {};
    const now = this.#now();
    const dueAt = group === undefined ? undefined : protocolOf(group).dueAt(group);
    // The last round has processed all deadlines up to now.
    const delayMs = dueAt !== undefined && dueAt > now ? Math.min(POLL_MS, dueAt - now) : POLL_MS;
    this.#cancelTimer = this.#env.clock.setTimer(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#pollDue = true;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    try {
      // Requests that came together, in one envelope or one packet, are decided in one round.
      await new Promise<void>(afterMicrotasks);
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

  /** Reads the group for all requests that have arrived so far. */
  async #read(): Promise<void> {
    this.#pollDue = false;
    const before = this.#queue.all();
    this.#remember(await this.#env.store.load(this.groupId, this.#loaded));
    for (const request of before) request.wasRead();
    this.#lookForOrphans();
  }

  /**
   * Decides all due requests over the loaded group, commits the result, and answers. False if
   * nothing more can be decided before the next read.
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
    throw new StoreUnavailableError('too many conflicting writes to the group');
  }

  /**
   * Loads the group after a lost race: the first time from the conflict's item, later by a new
   * read.
   */
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

  /**
   * Loads what the requests need beyond `facts` and returns both together. If the store does not
   * answer, the requests that need more fail.
   */
  async #learn(facts: Facts, { needs, askers }: MissingFacts<GroupRequest>, before: LoadedGroup): Promise<Facts> {
    const { group } = before;
    try {
      const emptySince = group === undefined ? undefined : protocolOf(group).summary(group).emptySince;
      if (needs.expiredOffsetsGone && group !== undefined && emptySince !== undefined) {
        await this.#env.expireOffsets(this.groupId, offsetFactsOf(group, before.since, NO_MEMBER), emptySince);
      }
      const known = group === undefined ? undefined : protocolOf(group).topicsOf?.(group);
      // Look again at everything in `facts`: the caches may have dropped it by now.
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

  /**
   * The next batch size: half of a batch that is too large together. A single request that is too
   * large gets its refusal, and the limit is lifted.
   */
  #refuseLarge({ results }: Decision<GroupRequest>, bytes: number): number {
    if (results.length > 1) return Math.ceil(results.length / 2);
    const [only] = results;
    this.#env.logger.log('warn', { event: 'group_too_large', groupId: this.groupId, bytes });
    if (only === undefined) throw new StoreUnavailableError('the group exceeds the size of its items');
    only.request.reply(only.tooLarge);
    return Number.POSITIVE_INFINITY;
  }

  #deliver({ results }: Decision<GroupRequest>, now: number): void {
    const { sessions, isWhole } = this.#sessionsOf(results.flatMap(({ result }) => result.alive ?? []));
    for (const { request, result } of results) {
      // The client may have disconnected during the write.
      const { isOpen } = request;
      const session = result.alive === undefined ? undefined : sessions.get(result.alive);
      if (result.kind === 'wait') {
        if (isOpen) request.wait(result);
        // A request that is sent away does not wait here, where #keepAlive would see it.
        const isSentAway = isOpen && !request.isOpen;
        if (isSentAway && session !== undefined && this.#leases.isDue(session, now)) void this.#renew(session, now);
        continue;
      }
      const advice = request.context.again?.advice;
      if (advice !== undefined && session !== undefined) advice.sessionMs = session.timeoutMs;
      if (session === undefined || !this.#leases.isDue(session, now)) {
        request.reply(result.reply);
        continue;
      }
      // The reply promises that the session continues. If the lease is not written before the
      // session ends, another process may have removed the member.
      if (isOpen) request.renew();
      const endsAt = this.#leases.endOf(session);
      void this.#renew(isWhole ? everyone(sessions) : session, now).then((renewed) => {
        if (renewed && this.#now() < endsAt) request.reply(result.reply);
        else request.fail('COORDINATOR_NOT_AVAILABLE');
      });
    }
  }

  /** Renews the leases of members whose requests wait here: a waiting request is a sign of life. */
  #keepAlive(now: number): void {
    const waiting = this.#queue.all().flatMap(({ alive }) => alive ?? []);
    for (const session of this.#sessionsOf(waiting).sessions.values()) {
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

  /** The sessions of these members. `isWhole`: they are several, and the group has no others. */
  #sessionsOf(memberIds: readonly string[]): {
    readonly sessions: ReadonlyMap<string, Session>;
    readonly isWhole: boolean;
  } {
    const { group } = this.#loaded!;
    const sessions = new Map<string, Session>();
    if (memberIds.length === 0 || group === undefined) return { sessions, isWhole: false };
    const wanted = new Set(memberIds);
    let members = 0;
    for (const session of protocolOf(group).sessions(group)) {
      members++;
      if (wanted.has(session.memberId)) sessions.set(session.memberId, session);
    }
    return { sessions, isWhole: members > 1 && sessions.size === members };
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

  /** Handles an error of the store, an unreadable item, or a bug. */
  #failAll(error: unknown): void {
    this.#logFailure(error);
    const isSilent = error instanceof StoreUnavailableError;
    for (const request of this.#queue.all()) {
      if (!isSilent) request.fail('UNKNOWN_SERVER_ERROR');
      // A waiting request can continue to wait. A renewing request gets the store's error from its
      // lease.
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
