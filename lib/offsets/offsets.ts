import type { RequestContext } from '../core/context.ts';
import type { Uuid } from '../core/uuid.ts';
import type { StoreTime } from '../storage/ports.ts';
import { BlockStore } from './block-store.ts';
import { type Commit, type CommitOutcome, commitOffsets } from './commit.ts';
import {
  type DeleteOutcome,
  deleteOffsets,
  expireOffsets,
  keepsOffsets,
  type OffsetsToDelete,
  removeGroupOffsets,
} from './delete.ts';
import { endPending } from './end-pending.ts';
import type { GroupFacts, OffsetGroups, OffsetsEnvironment } from './environment.ts';
import { type FetchOutcome, fetchOffsets, type OffsetsToFetch } from './fetch.ts';
import type { OffsetTransactions, PendingOffsets, PendingToEnd } from './transactions.ts';
import { Turns } from './turns.ts';

/** The committed offsets of a deployment. All methods throw StoreUnavailableError. */
export class Offsets implements PendingOffsets {
  readonly #env: OffsetsEnvironment;
  readonly #blocks: BlockStore;
  readonly #groups: OffsetGroups;
  readonly #transactions: OffsetTransactions;
  readonly #turns = new Turns();

  constructor(env: OffsetsEnvironment, groups: OffsetGroups, transactions: OffsetTransactions) {
    this.#env = env;
    this.#blocks = new BlockStore(env);
    this.#groups = groups;
    this.#transactions = transactions;
  }

  /** See commitOffsets. */
  commit(commit: Commit, context: RequestContext): Promise<CommitOutcome> {
    return commitOffsets(this.#room(), commit, context);
  }

  /** See endPending. */
  endPending(end: PendingToEnd): Promise<void> {
    return endPending(this.#room(), end);
  }

  /** See fetchOffsets. */
  fetch(fetch: OffsetsToFetch, context: RequestContext): Promise<FetchOutcome> {
    return fetchOffsets(this.#room(), fetch, context);
  }

  /** See deleteOffsets. */
  delete(request: OffsetsToDelete, context: RequestContext): Promise<DeleteOutcome> {
    return deleteOffsets(this.#room(), request, context);
  }

  /** See keepsOffsets. */
  keeps(groupId: string): Promise<boolean> {
    return keepsOffsets(this.#room(), groupId);
  }

  /** See removeGroupOffsets. */
  removeGroup(groupId: string, groupSince: StoreTime): Promise<boolean> {
    return removeGroupOffsets(this.#room(), groupId, groupSince);
  }

  /**
   * Removes the expired offsets of a group without members, if it lost its last member longer ago
   * than the retention. True if it looked for expired offsets. `emptySince`: when the group lost
   * its last member. `isThere`: whether a topic with this id exists.
   */
  async expire(
    groupId: string,
    facts: GroupFacts,
    emptySince: StoreTime,
    isThere: (topicId: Uuid) => Promise<boolean>,
  ): Promise<boolean> {
    if (emptySince > this.#env.state.now() - this.#env.settings.retentionMs) return false;
    await expireOffsets(this.#room(), groupId, facts, isThere);
    return true;
  }

  #room() {
    return {
      env: this.#env,
      blocks: this.#blocks,
      groups: this.#groups,
      transactions: this.#transactions,
      turns: this.#turns,
    };
  }
}
