import { UPKEEP } from '../auth/principal.ts';
import { topicIsThere } from '../broker/group-topics.ts';
import type { RequestContext } from '../core/context.ts';
import { collectCheckpoints } from '../journal/collect-checkpoints.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import { collectWal } from '../segments/collect-wal.ts';
import type { UpkeepJob } from '../upkeep/job.ts';
import { Upkeep } from '../upkeep/upkeep.ts';
import type { GroupEngine } from './compose-groups.ts';
import { SegmentWork } from './segment-work.ts';

/** A WAL object stays for this time after its PUT at least: a reader may have resolved it before; ms. */
const WAL_GRACE_MS = 60 * 60 * 1000;

/** Time between two passes over all WAL objects; ms. */
const WAL_EVERY_MS = 60 * 60 * 1000;

/**
 * The jobs of upkeep, which do the work that no request triggers: `groups` cleans up deleted and
 * unused groups, `checkpoints` deletes the objects of replaced checkpoints, `segments` looks at the
 * history of journals that are due, and `wal` deletes WAL objects that no entry needs.
 */
export function composeUpkeep({ broker, groups, segments }: GroupEngine): Upkeep {
  const { journals } = broker.admin;
  const { env } = journals;
  const unreadable = new UnreadableItems(env.logger);
  const isThere = (topicId: string) => topicIsThere(broker, topicId);
  const work = new SegmentWork(broker.admin, segments);
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
    { name: 'segments', step: (cursor, deadline) => work.sweep(unreadable, cursor, deadline) },
    {
      name: 'wal',
      step: (cursor, deadline) =>
        collectWal(journals, unreadable, { graceMs: WAL_GRACE_MS, everyMs: WAL_EVERY_MS }, cursor, deadline),
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
