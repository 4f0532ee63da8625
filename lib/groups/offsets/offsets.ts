import type { RequestContext } from '../../core/context.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { StoreTime } from '../../storage/ports.ts';
import type { Group } from '../group.ts';
import { protocolOf } from '../protocols.ts';
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
import type { OffsetGroups, OffsetsEnvironment } from './environment.ts';
import { type FetchOutcome, fetchOffsets, type OffsetsToFetch } from './fetch.ts';
import { factsOf, NOBODY } from './group-facts.ts';
import { Turns } from './turns.ts';

/** The committed offsets of a deployment, as one process sees them. All methods throw StoreUnavailableError. */
export class Offsets {
  readonly #env: OffsetsEnvironment;
  readonly #blocks: BlockStore;
  readonly #groups: OffsetGroups;
  readonly #turns = new Turns();

  constructor(env: OffsetsEnvironment, groups: OffsetGroups) {
    this.#env = env;
    this.#blocks = new BlockStore(env);
    this.#groups = groups;
  }

  /** See commitOffsets. */
  commit(commit: Commit, context: RequestContext): Promise<CommitOutcome> {
    return commitOffsets(this.#room(), commit, context);
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
   * Removes what has expired of a group's offsets if it has had no members for longer than they are kept; true if it was looked
   * for. `since`: when the group was made. `isThere`: whether there is a topic of that id.
   */
  async expire(
    groupId: string,
    group: Group,
    since: StoreTime,
    isThere: (topicId: Uuid) => Promise<boolean>,
  ): Promise<boolean> {
    if (!isOverdue(group, this.#env.state.now() - this.#env.settings.retentionMs)) return false;
    await expireOffsets(this.#room(), groupId, factsOf(group, since, NOBODY), isThere);
    return true;
  }

  #room() {
    return { env: this.#env, blocks: this.#blocks, groups: this.#groups, turns: this.#turns };
  }
}

/** Whether the group has had no members since that time. */
function isOverdue(group: Group, time: StoreTime): boolean {
  const { emptySince } = protocolOf(group).summary(group);
  return emptySince !== undefined && emptySince <= time;
}
