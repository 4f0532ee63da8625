import { UPKEEP } from '../auth/principal.ts';
import { topicIsThere } from '../broker/group-topics.ts';
import type { RequestContext } from '../core/context.ts';
import { collectCheckpoints } from '../journal/collect-checkpoints.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import { expireTransactionalIds } from '../transactions/expire-ids.ts';
import { TransactionItems } from '../transactions/transaction-items.ts';
import type { UpkeepJob } from '../upkeep/job.ts';
import { Upkeep } from '../upkeep/upkeep.ts';
import type { GroupEngine } from './compose-groups.ts';

/** Makes further jobs. Each gets where to report items that cannot be read. */
export type MakeJobs = (engine: GroupEngine, unreadable: UnreadableItems) => readonly UpkeepJob[];

/**
 * The jobs of upkeep, which do the work that no request triggers: `groups` cleans up deleted and
 * unused groups, `transactional-ids` removes expired transactional ids, and `checkpoints` deletes the
 * objects of replaced checkpoints.
 *
 * @param makeJobs for a process that also collects WAL objects (walJob)
 */
export function composeUpkeep(engine: GroupEngine, makeJobs: MakeJobs = () => []): Upkeep {
  const { broker, groups } = engine;
  const { env } = broker.admin.journals;
  const unreadable = new UnreadableItems(env.logger);
  const { clock, random, logger } = env;
  const changes = { state: env.stores.state, clock, random };
  const items = new TransactionItems(changes);
  const expirationMs = broker.settings.transactionalIdExpirationMs;
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
    {
      name: 'transactional-ids',
      step: (cursor, deadline) =>
        expireTransactionalIds({ ...changes, items, unreadable, expirationMs }, cursor, deadline),
    },
    { name: 'checkpoints', step: (cursor, deadline) => collectCheckpoints(env, unreadable, cursor, deadline) },
    ...makeJobs(engine, unreadable),
  ];
  return new Upkeep({ ...changes, logger, unreadable }, jobs);
}

function contextUntil(deadline: number): RequestContext {
  const { signal } = new AbortController();
  return { principal: UPKEEP, clientId: '', host: '', listener: '', deadline, signal };
}
