import type { PartitionsEnvironment } from './environment.ts';
import type { TopicReference } from './partitions.ts';

/**
 * The node that the client should ask instead, and its leader epoch, as far as this process knows.
 */
export interface CurrentLeader {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

/** See Log.leaderOf. */
export function currentLeader(
  { partitions, leadership }: PartitionsEnvironment,
  topic: TopicReference,
  partition: number,
): CurrentLeader | undefined {
  const open = partitions.peek(topic, partition)?.open;
  if (open === undefined) return undefined;
  const leaderId = leadership.nodeOf(open.journal.id);
  return leaderId === undefined ? undefined : { leaderId, leaderEpoch: open.journal.view.leaderEpoch };
}
