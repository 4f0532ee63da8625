import type { GroupConfig } from '../groups/config.ts';
import type { Settings } from '../settings/settings.ts';

/** The settings of groups, in the form that lib/groups uses. */
export function groupConfig(settings: Settings): GroupConfig {
  return {
    classic: {
      minSessionTimeoutMs: settings.groupMinSessionTimeoutMs,
      maxSessionTimeoutMs: settings.groupMaxSessionTimeoutMs,
      initialRebalanceDelayMs: settings.groupInitialRebalanceDelayMs,
      maxSize: settings.groupMaxSize,
    },
    consumer: {
      sessionTimeoutMs: settings.groupConsumerSessionTimeoutMs,
      heartbeatIntervalMs: settings.groupConsumerHeartbeatIntervalMs,
      maxSize: settings.groupConsumerMaxSize,
      assignors: settings.groupConsumerAssignors,
      migrationPolicy: settings.groupConsumerMigrationPolicy,
    },
  };
}
