import type { Decisions } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { randomUuid } from '../../core/uuid.ts';
import type { RestConsumer, RestPosition } from '../../storage/items/rest-consumer.ts';
import { isRefusal, type Refusal } from '../answer.ts';
import { takePart } from '../consumers/membership.ts';
import { commitPositions, withPositions } from '../consumers/positions.ts';
import type { RestEnvironment } from '../environment.ts';
import { encodePlace, type StreamPlace } from './event-id.ts';
import type { Following } from './following.ts';
import type { StreamTopic } from './start.ts';

/** Between two heartbeats of the member, as `group.consumer.heartbeat.interval.ms`; ms. */
const HEARTBEAT_MS = 5_000;

/** The same while the member waits for partitions that others give up; ms. */
const JOINING_MS = 1_000;

/** How soon what was sent is committed; ms. */
const COMMIT_MS = 1_000;

export interface GroupStreamTerms {
  readonly group: string;
  readonly topic: StreamTopic;
  readonly reset: 'earliest' | 'latest';
  /** Where the client was before; undefined for a new stream. */
  readonly place: StreamPlace | undefined;
  readonly context: RequestContext;
  readonly decisions: Decisions;
}

/**
 * Follows the partitions that a group assigns to a member (KIP-848). The member is known by the ids
 * of the events, so that a client that comes back is the same member, in any process. It does not
 * leave when the stream ends: its session does that, unless it comes back before.
 */
export function followGroup(rest: RestEnvironment, terms: GroupStreamTerms): Following {
  const { topic, context, decisions } = terms;
  const { clock } = rest;
  const positions = new Map<number, number>();
  let member = memberOf(rest, terms);
  let heartbeatAt = Number.NEGATIVE_INFINITY;
  let committedAt = Number.NEGATIVE_INFINITY;
  /** Takes over into the member what the stream has sent. */
  const moved = (): RestConsumer => ({
    ...member,
    positions: member.positions.map((one) => ({ ...one, offset: positions.get(one.partition) ?? one.offset })),
  });
  const hasUncommitted = () => moved().positions.some((one) => one.offset !== one.committed);
  const commit = async (): Promise<Refusal | undefined> => {
    const committed = await commitPositions(rest, moved(), context);
    // What cannot be committed now may be at the next time; a member that was removed joins again.
    if (!isRefusal(committed)) member = committed;
    committedAt = clock.monotonic();
    return isRefusal(committed) ? committed : undefined;
  };
  const takePartNow = async (): Promise<Refusal | undefined> => {
    const took = await takePart(rest, moved(), {
      context,
      decisions,
      async beforeRevoke(lost, current) {
        await commitPositions(rest, current, context, lost);
      },
    });
    if (isRefusal(took)) return took;
    const ready = await withPositions(rest, took.instance, took.kept, context);
    if (isRefusal(ready)) return ready;
    member = ready;
    positions.clear();
    for (const { partition, offset } of [...ready.positions].sort((a, b) => a.partition - b.partition)) {
      positions.set(partition, offset);
    }
    heartbeatAt = clock.monotonic();
    return undefined;
  };
  const heartbeatMs = () => (positions.size === 0 ? JOINING_MS : HEARTBEAT_MS);
  return {
    topic,
    positions,
    get waitMs() {
      const untilHeartbeat = heartbeatAt + heartbeatMs() - clock.monotonic();
      const untilCommit = hasUncommitted() ? committedAt + COMMIT_MS - clock.monotonic() : heartbeatMs();
      return Math.max(0, Math.min(untilHeartbeat, untilCommit));
    },
    place() {
      const { memberId, memberEpoch } = member;
      return encodePlace({ topicId: topic.id, positions, member: { memberId, memberEpoch } });
    },
    async refresh() {
      const now = clock.monotonic();
      if (hasUncommitted() && now - committedAt >= COMMIT_MS) await commit();
      return now - heartbeatAt >= heartbeatMs() ? takePartNow() : undefined;
    },
    async end() {
      if (hasUncommitted()) await commit();
    },
  };
}

/** The member as an instance that no store has: the ids of the events have all of it. */
function memberOf(rest: RestEnvironment, { group, topic, reset, place }: GroupStreamTerms): RestConsumer {
  const { member } = place ?? {};
  const positions: RestPosition[] = [];
  for (const [partition, offset] of place?.positions ?? []) {
    positions.push({ topic: topic.name, topicId: topic.id, partition, offset, committed: NO_OFFSET });
  }
  return {
    group,
    name: 'stream',
    format: 'binary',
    autoOffsetReset: reset,
    autoCommit: true,
    fetchMinBytes: 1,
    requestTimeoutMs: HEARTBEAT_MS,
    selection: { kind: 'topics', topics: [topic.name] },
    memberId: member?.memberId ?? randomUuid(rest.random),
    memberEpoch: member?.memberEpoch ?? 0,
    owned: positions.map(({ offset: _, committed: _committed, ...partition }) => partition),
    positions,
    usedAt: 0,
  };
}
