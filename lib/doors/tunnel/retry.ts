import type { Random } from '../../core/random.ts';
import { ApiKey } from '../../wire/apis.ts';
import type { CallOutcome } from './transport.ts';

/**
 * How long a request that cannot get through is tried again before its connection is closed; ms. Half of the 30 s that most
 * clients wait for an answer, so that they hear of it in time to try elsewhere.
 */
export const PATIENCE_MS = 15_000;

/** The first wait is up to this long, each further one up to twice as long; with full jitter. */
const FIRST_WAIT_MS = 50;
const WAIT_MS_MAX = 2_000;

/**
 * Requests that may be carried out twice without anybody noticing: those that only read, and those that say what is to be so
 * whether it is or not. The rest (a topic created twice is TOPIC_ALREADY_EXISTS) is repeated by the client if it likes.
 */
const REPEATABLE: ReadonlySet<number> = new Set([
  ApiKey.Fetch,
  ApiKey.ListOffsets,
  ApiKey.Metadata,
  ApiKey.OffsetCommit,
  ApiKey.OffsetFetch,
  ApiKey.FindCoordinator,
  ApiKey.Heartbeat,
  ApiKey.DescribeGroups,
  ApiKey.ListGroups,
  ApiKey.OffsetForLeaderEpoch,
  ApiKey.DescribeConfigs,
  ApiKey.DescribeLogDirs,
  ApiKey.DescribeCluster,
  ApiKey.ConsumerGroupDescribe,
  ApiKey.ListConfigResources,
  ApiKey.DescribeTopicPartitions,
]);

/** Whether a request of this API may be sent again when nobody knows what became of it. Produce has a rule of its own. */
export function isRepeatable(apiKey: number): boolean {
  return REPEATABLE.has(apiKey);
}

/** Whether the same may work a moment later and surely did nothing yet. */
export function mayPass(outcome: CallOutcome): boolean {
  return outcome.kind === 'refused' && (outcome.reason === 'throttled' || outcome.reason === 'unreachable');
}

/** The wait before the attempt after `tries` of them, ms. */
export function backoffMs(random: Random, tries: number): number {
  return random.next() * Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 1));
}
