import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Group, GroupSummary, GroupType } from './group.ts';
import type { Step } from './step.ts';

/**
 * `failed`: the request missed its deadline, or the store did not answer. `error` is then a
 * retriable coordinator error of Kafka. As after any lost answer, the step may or may not have
 * taken effect.
 */
export type Submitted<Reply> =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'failed'; readonly error: ErrorName };

/**
 * The request still waits and was sent away with this token (RequestContext.again). Its changes so
 * far are stored.
 */
export interface SentAway {
  readonly kind: 'again';
  readonly token: string;
}

/** The groups of a deployment, as handlers and other modules see them. */
export interface Groups {
  /** Runs one step on a group until it replies. Errors of the store are returned, never thrown. */
  submit<Reply>(groupId: string, step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply>>;
  /**
   * The same for a step that waits for other members. It may be sent away instead if the context
   * has `again`.
   */
  submitWaiting<Reply>(
    groupId: string,
    step: Step<Reply>,
    context: RequestContext,
  ): Promise<Submitted<Reply> | SentAway>;
  /**
   * The current group, advanced to the present, strongly consistent. Fails with
   * COORDINATOR_NOT_AVAILABLE.
   */
  describe(groupId: string, context: RequestContext): Promise<Submitted<Group | undefined>>;
  /** All groups, in order of their ids. Throws StoreUnavailableError. */
  list(context: RequestContext): Promise<readonly ListedGroup[]>;
}

export interface ListedGroup extends GroupSummary {
  readonly groupId: string;
  readonly type: GroupType;
}

/**
 * Removes all offsets of a group whose head is already deleted. Idempotent. `since`: creation time
 * of the deleted group; the offsets of a later group of the same id stay. True if nothing is left.
 * An item that was written recently is only emptied, and a later call removes it. Throws
 * StoreUnavailableError.
 */
export type DeleteOffsets = (groupId: string, since: StoreTime) => Promise<boolean>;
