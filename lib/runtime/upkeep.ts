import { topicIsThere } from '../broker/group-topics.ts';
import type { RequestContext } from '../core/context.ts';
import type { SweptGroups } from '../groups/sweep.ts';
import { type CollectedCheckpoints, collectCheckpoints } from '../journal/collect-checkpoints.ts';
import type { ComposedBroker } from './compose.ts';

/** What one round of upkeep came to. */
export interface UpkeepSummary {
  readonly groups: SweptGroups;
  readonly checkpoints: CollectedCheckpoints;
}

/** The round is its own principal, as nobody asked for it. */
const PRINCIPAL = 'User:upkeep';

/**
 * Does what nobody comes by to do: looks after deleted groups and groups that nobody is in any more (sweepGroups), and deletes
 * checkpoints' objects that were replaced (collectCheckpoints). Ends by `deadline` (Clock.monotonic()); what is left then is left to
 * the next round. Repeatable, also by several processes at once. Throws StoreUnavailableError.
 *
 * Not collected, as no rule says yet when it is safe: WAL objects, entries below the log start and those of deleted topics, and
 * journals of topic creations that a crash cut off.
 */
export async function upkeep({ broker, groups }: ComposedBroker, deadline: number): Promise<UpkeepSummary> {
  const context: RequestContext = {
    principal: PRINCIPAL,
    clientId: '',
    host: '',
    listener: '',
    deadline,
    signal: new AbortController().signal,
  };
  const isThere = (topicId: string) => topicIsThere(broker, topicId);
  const swept = await groups.sweep((id, group, since) => broker.offsets.expire(id, group, since, isThere), context);
  const checkpoints = await collectCheckpoints(broker.admin.journals.env, deadline);
  return { groups: swept, checkpoints };
}
