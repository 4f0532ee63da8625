import { ApiKey } from '../../wire/apis.ts';

/** The functions that take Kafka frames, each with rights of its own. */
export const FRAME_FUNCTIONS = ['produce', 'fetch', 'coordinate', 'admin'] as const;

export type FrameFunction = (typeof FRAME_FUNCTIONS)[number];

const FETCH: ReadonlySet<number> = new Set([ApiKey.Fetch, ApiKey.ListOffsets, ApiKey.OffsetForLeaderEpoch]);

const COORDINATE: ReadonlySet<number> = new Set([
  ApiKey.OffsetCommit,
  ApiKey.OffsetFetch,
  ApiKey.FindCoordinator,
  ApiKey.JoinGroup,
  ApiKey.Heartbeat,
  ApiKey.LeaveGroup,
  ApiKey.SyncGroup,
  ApiKey.DescribeGroups,
  ApiKey.ListGroups,
  ApiKey.InitProducerId,
  ApiKey.DeleteGroups,
  ApiKey.OffsetDelete,
  ApiKey.ConsumerGroupHeartbeat,
  ApiKey.ConsumerGroupDescribe,
]);

/** The one function that answers an API; `admin` has whatever no other has. */
export function functionOf(apiKey: number): FrameFunction {
  if (apiKey === ApiKey.Produce) return 'produce';
  if (FETCH.has(apiKey)) return 'fetch';
  if (COORDINATE.has(apiKey)) return 'coordinate';
  return 'admin';
}
