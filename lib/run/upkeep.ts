import { UPKEEP } from '../auth/principal.ts';
import { topicIsThere } from '../broker/group-topics.ts';
import type { RequestContext } from '../core/context.ts';
import { collectCheckpoints } from '../journal/collect-checkpoints.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import type { UpkeepJob } from '../upkeep/job.ts';
import { Upkeep } from '../upkeep/upkeep.ts';
import type { GroupEngine } from './compose-groups.ts';

/**
 * The jobs of upkeep, which do the work that no request triggers: `sweepGroups` cleans up deleted
 * and unused groups, and `collectCheckpoints` deletes the objects of replaced checkpoints.
 *
 * Not collected, as no rule defines yet when it is safe: WAL objects, entries below the log start,
 * entries of deleted topics, and journals of topic creations that a crash interrupted.
 */
export function composeUpkeep({ broker, groups }: GroupEngine): Upkeep {
  const { env } = broker.admin.journals;
  const unreadable = new UnreadableItems(env.logger);
  const isThere = (topicId: string) => topicIsThere(broker, topicId);
  const jobs: readonly UpkeepJob[] = [
    {
      name: 'groups',
      step: (cursor, deadline) =>
        groups.sweep(
          cursor,
          (id, group, since) => broker.offsets.expire(id, group, since, isThere),
          unreadable,
          contextUntil(deadline),
        ),
    },
    { name: 'checkpoints', step: (cursor, deadline) => collectCheckpoints(env, unreadable, cursor, deadline) },
  ];
  const { clock, random, logger } = env;
  return new Upkeep({ state: env.stores.state, clock, random, logger, unreadable }, jobs);
}

function contextUntil(deadline: number): RequestContext {
  const { signal } = new AbortController();
  return { principal: UPKEEP, clientId: '', host: '', listener: '', deadline, signal };
}
