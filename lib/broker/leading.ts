import type { Leadership } from '../cluster/leadership.ts';
import type { RequestContext } from '../core/context.ts';
import { errorCode } from '../core/errors.ts';
import type { CurrentLeader } from '../log/current-leader.ts';
import type { Log } from '../log/log.ts';
import type { TopicReference } from '../log/partitions.ts';

/** Errors that name the new leader for the client (KIP-951). */
const MOVED: ReadonlySet<number> = new Set([errorCode('NOT_LEADER_OR_FOLLOWER'), errorCode('FENCED_LEADER_EPOCH')]);

/** The leader to name with a partition's error code (KIP-951); undefined for any other error. */
export function currentLeader(
  log: Pick<Log, 'leaderOf'>,
  code: number,
  topic: TopicReference,
  partition: number,
): CurrentLeader | undefined {
  return MOVED.has(code) ? log.leaderOf(topic, partition) : undefined;
}

/** The addresses of the leaders that an answer names (KIP-951). */
export function endpointsOf(
  leadership: Leadership,
  context: RequestContext,
  leaders: Iterable<CurrentLeader | undefined>,
) {
  const named = new Set<number>();
  for (const leader of leaders) if (leader !== undefined) named.add(leader.leaderId);
  if (named.size === 0) return [];
  return leadership.nodes(context).filter(({ nodeId }) => named.has(nodeId));
}
