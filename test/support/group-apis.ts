import { ApiKey } from '../../lib/wire/apis.ts';

/** The APIs of groups and their offsets, of which test/integration/groups-every-version.test.ts asks for every version. */
export const GROUP_APIS: readonly ApiKey[] = [
  ApiKey.OffsetCommit,
  ApiKey.OffsetFetch,
  ApiKey.JoinGroup,
  ApiKey.Heartbeat,
  ApiKey.LeaveGroup,
  ApiKey.SyncGroup,
  ApiKey.DescribeGroups,
  ApiKey.ListGroups,
  ApiKey.DeleteGroups,
  ApiKey.OffsetDelete,
  ApiKey.ConsumerGroupHeartbeat,
  ApiKey.ConsumerGroupDescribe,
];
