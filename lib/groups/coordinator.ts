import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { each } from '../kit/each.ts';
import type { Turns } from '../kit/turns.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import type { CheckedClaim, CommitKind, MemberClaim, NoGroup, OffsetGroups, Refused } from '../offsets/environment.ts';
import { isGroupId } from '../storage/items/group-keys.ts';
import { type ItemStore, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { Topics } from '../topics/topics.ts';
import { emptyClassicGroup, isClassic } from './classic/state.ts';
import type { GroupConfig } from './config.ts';
import type { DeleteOffsets, Groups, ListedGroup, SentAway, Submitted } from './environment.ts';
import type { Group } from './group.ts';
import { groupIndex } from './group-index.ts';
import { GroupStore } from './group-store.ts';
import { GroupWorker, type WorkerEnvironment } from './group-worker.ts';
import { offsetFactsOf, protocolOf } from './protocols.ts';
import type { Step } from './step.ts';
import { type ExpireOffsets, type SweptGroups, sweepGroups } from './sweep.ts';
import { TopicList } from './topic-list.ts';
import type { KeepsOffsets } from './unused-groups.ts';

export interface CoordinatorOptions {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: GroupConfig;
  readonly topics: Topics;
  /** Lets long pattern matching yield to other work. */
  readonly turns: Turns;
  readonly deleteOffsets: DeleteOffsets;
  /** Called before a member enters a group without members. */
  readonly expireOffsets: ExpireOffsets;
  readonly keepsOffsets: KeepsOffsets;
  /** The clock that ages cached topics. Default: `clock`. */
  readonly ageing?: Clock;
}

/**
 * Limits of the groups remembered between requests: their number and their encoded bytes. Beyond
 * either limit the least recently used groups are evicted.
 */
const GROUPS_MAX = 10_000;
const GROUP_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Groups that one request considers for eviction. More than the one group that it adds, so that an
 * excess shrinks.
 */
const EVICTION_LOOKS = 4;

/** Groups that a list reads concurrently. */
const LISTED_AT_ONCE = 16;

/**
 * The groups of a deployment. Any process can serve any group: the state is in the store. What a
 * process remembers only saves decoding.
 */
export class GroupCoordinator implements Groups, OffsetGroups {
  readonly #env: WorkerEnvironment;
  readonly #keepsOffsets: KeepsOffsets;
  readonly #workers = new Map<string, GroupWorker>();
  /** Total size of what the workers remember; bytes. */
  #bytes = 0;

  constructor(options: CoordinatorOptions) {
    const { state, clock, random, logger, config, topics, deleteOffsets, expireOffsets, turns } = options;
    this.#keepsOffsets = options.keepsOffsets;
    const index = groupIndex({ state, clock, random });
    const store = new GroupStore({ state, clock, random, logger, index, deleteOffsets });
    const storeNow = () => state.now();
    const ageing = options.ageing ?? clock;
    const list = new TopicList(topics, ageing, storeNow);
    const sources = { topics, list, clock: ageing, storeNow };
    const onRemembered = (bytes: number) => {
      this.#bytes += bytes;
    };
    this.#env = { store, clock, random, logger, config, sources, turns, expireOffsets, onRemembered };
  }

  async submit<Reply>(groupId: string, step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply>> {
    const submitted = await this.submitWaiting(groupId, step, context);
    assert(submitted.kind !== 'again', 'only steps of submitWaiting may be sent away');
    return submitted;
  }

  async submitWaiting<Reply>(
    groupId: string,
    step: Step<Reply>,
    context: RequestContext,
  ): Promise<Submitted<Reply> | SentAway> {
    if (!isGroupId(groupId)) return { kind: 'failed', error: 'INVALID_GROUP_ID' };
    this.#evict();
    let worker = this.#workers.get(groupId);
    // The map is in order of last use, most recent at the end.
    if (worker === undefined) worker = new GroupWorker(groupId, this.#env);
    else this.#workers.delete(groupId);
    this.#workers.set(groupId, worker);
    return worker.submit(step, context);
  }

  /** The check counts as a sign of life of a classic member. */
  async checkCommit(
    groupId: string,
    claim: MemberClaim,
    kind: CommitKind,
    context: RequestContext,
  ): Promise<CheckedClaim> {
    return this.#check<CheckedClaim>(groupId, context, {
      tooLarge: { kind: 'refused', error: 'UNKNOWN_SERVER_ERROR' },
      decide(group, { now, since, isUnused }) {
        if (group === undefined && claim.generationOrEpoch >= 0) {
          const isOld = kind.transactional || kind.apiVersion < GROUP_ID_NOT_FOUND_SINCE;
          const error = isOld ? 'ILLEGAL_GENERATION' : 'GROUP_ID_NOT_FOUND';
          return { kind: 'reply', group, reply: { kind: 'refused', error } };
        }
        const found = group ?? emptyClassicGroup(now);
        const error = protocolOf(found).checkCommit(found, claim, kind);
        if (error !== undefined) return { kind: 'reply', group, reply: { kind: 'refused', error } };
        const reply = { kind: 'ok' as const, facts: offsetFactsOf(found, since, claim) };
        // For members of the consumer protocol, only heartbeats are signs of life
        // (OffsetMetadataManager.commitOffset).
        const alive = isClassic(found) && claim.memberId !== '' ? { alive: claim.memberId } : {};
        // Writing the group again clears the mark, so that the sweep does not drop the group.
        return { kind: 'reply', group: isUnused ? { ...found } : found, reply, ...alive };
      },
    });
  }

  checkFetch(groupId: string, claim: MemberClaim, context: RequestContext): Promise<CheckedClaim | NoGroup> {
    return this.#check<CheckedClaim | NoGroup>(groupId, context, {
      tooLarge: { kind: 'refused', error: 'UNKNOWN_SERVER_ERROR' },
      decide(group, { since }) {
        if (group === undefined) return { kind: 'reply', group, reply: { kind: 'absent' } };
        const error = protocolOf(group).checkFetch(group, claim);
        if (error !== undefined) return { kind: 'reply', group, reply: { kind: 'refused', error } };
        return { kind: 'reply', group, reply: { kind: 'ok', facts: offsetFactsOf(group, since, claim) } };
      },
    });
  }

  async #check<Reply>(groupId: string, context: RequestContext, step: Step<Reply | Refused>): Promise<Reply | Refused> {
    const submitted = await this.submit(groupId, step, context);
    return submitted.kind === 'reply' ? submitted.reply : { kind: 'refused', error: submitted.error };
  }

  describe(groupId: string, context: RequestContext): Promise<Submitted<Group | undefined>> {
    return this.submit<Group | undefined>(
      groupId,
      { tooLarge: undefined, decide: (group) => ({ kind: 'reply', group, reply: group }) },
      context,
    );
  }

  async list(context: RequestContext): Promise<readonly ListedGroup[]> {
    const ids: string[] = [];
    for await (const { key } of this.#env.store.env.index.keys()) ids.push(key);
    const listed = await each({ atOnce: LISTED_AT_ONCE }, ids, (groupId) => this.#listOne(groupId, context));
    return listed.filter((one) => one !== undefined);
  }

  async #listOne(groupId: string, context: RequestContext): Promise<ListedGroup | undefined> {
    const described = await this.describe(groupId, context);
    // Skip a group that this program cannot read; the log has the reason.
    if (described.kind === 'failed' && described.error === 'UNKNOWN_SERVER_ERROR') return undefined;
    if (described.kind === 'failed') throw new StoreUnavailableError(`group ${groupId} could not be read`);
    const group = described.reply;
    return group === undefined ? undefined : { groupId, type: group.type, ...protocolOf(group).summary(group) };
  }

  /** See sweepGroups. */
  sweep(
    cursor: string | undefined,
    expire: ExpireOffsets,
    unreadable: UnreadableItems,
    context: RequestContext,
  ): Promise<SweptGroups> {
    const { store, clock } = this.#env;
    const describe = (groupId: string) => this.#described(groupId, context);
    const keepsOffsets = this.#keepsOffsets;
    return sweepGroups({ store, clock, describe, expire, keepsOffsets, unreadable }, cursor, context);
  }

  async #described(groupId: string, context: RequestContext) {
    const submitted = await this.submit<{ readonly group: Group; readonly since: StoreTime } | undefined>(
      groupId,
      {
        tooLarge: undefined,
        decide: (group, { since }) => ({
          kind: 'reply',
          group,
          reply: group && { group, since },
        }),
      },
      context,
    );
    return submitted.kind === 'reply' ? submitted.reply : undefined;
  }

  /** Fails all waiting requests, then waits for running writes. */
  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  /**
   * Evicts the least recently used groups beyond the limits. The cost does not depend on the number
   * of groups.
   */
  #evict(): void {
    let looks = EVICTION_LOOKS;
    for (const [groupId, worker] of this.#workers) {
      if (looks-- === 0 || (this.#workers.size <= GROUPS_MAX && this.#bytes <= GROUP_BYTES_MAX)) return;
      this.#workers.delete(groupId);
      // Keep a worker that has requests.
      if (worker.isIdle) this.#bytes -= worker.bytes;
      else this.#workers.set(groupId, worker);
    }
  }
}

/** From this version of OffsetCommit on, a missing group has its own error. */
const GROUP_ID_NOT_FOUND_SINCE = 9;
