import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Group, GroupSummary, GroupType } from './group.ts';
import type { Step } from './step.ts';

/**
 * `failed`: the request could not be served by its deadline, or the store did not answer; a retriable error of Kafka's
 * coordinator. Whether the step took effect is unknown then, as after any lost answer.
 */
export type Submitted<Reply> =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'failed'; readonly error: ErrorName };

/** The request waits still and was sent away with this token (RequestContext.again); what it wanted so far is stored. */
export interface SentAway {
  readonly kind: 'again';
  readonly token: string;
}

/** The groups of a deployment, as the handlers and the other rooms see them. */
export interface Groups {
  /** Runs one step on a group to its end. Never throws for what the store does. */
  submit<Reply>(groupId: string, step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply>>;
  /** The same for a step that waits for others: it may be sent away instead, where the context has `again`. */
  submitWaiting<Reply>(
    groupId: string,
    step: Step<Reply>,
    context: RequestContext,
  ): Promise<Submitted<Reply> | SentAway>;
  /** The group as it stands, moved on to the present; a failure is COORDINATOR_NOT_AVAILABLE. Read strongly consistent. */
  describe(groupId: string, context: RequestContext): Promise<Submitted<Group | undefined>>;
  /** All groups, in order of their ids. Throws StoreUnavailableError. */
  list(context: RequestContext): Promise<readonly ListedGroup[]>;
}

export interface ListedGroup extends GroupSummary {
  readonly groupId: string;
  readonly type: GroupType;
}

/**
 * Removes all offsets of a group whose head is deleted already; repeatable. `since`: of the group that was deleted, so that those of
 * one that was made again meanwhile stay. True where nothing of them is left: what was written lately stays for a while,
 * empty, and takes a call later to go. Throws StoreUnavailableError.
 */
export type DeleteOffsets = (groupId: string, since: StoreTime) => Promise<boolean>;
