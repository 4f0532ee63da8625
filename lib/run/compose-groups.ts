import type { Clock } from '../core/clock.ts';
import type { GroupConfig } from '../groups/config.ts';
import { GroupCoordinator } from '../groups/coordinator.ts';
import { Offsets } from '../offsets/offsets.ts';
import type { Settings } from '../settings/settings.ts';
import type { Topics } from '../topics/topics.ts';
import type { ComposeOptions } from './compose-options.ts';

const MS_PER_MINUTE = 60_000;

/** Groups and their committed offsets; each needs the other. `ageing`: by which what is remembered of topics grows old. */
export function composeGroups(
  { stores, clock, random, logger, settings }: ComposeOptions,
  topics: Topics,
  ageing: Clock,
): { readonly groups: GroupCoordinator; readonly offsets: Offsets } {
  const { state } = stores;
  const groups = new GroupCoordinator({
    state,
    clock,
    random,
    logger,
    config: groupConfig(settings),
    topics,
    ageing,
    deleteOffsets: (groupId, since) => offsets.removeGroup(groupId, since),
    keepsOffsets: (groupId) => offsets.keeps(groupId),
    expireOffsets: (groupId, facts, since) => offsets.expire(groupId, facts, since, (id) => topics.isThere(id)),
  });
  const retentionMs = settings.offsetsRetentionMinutes * MS_PER_MINUTE;
  const offsetSettings = { retentionMs, metadataMax: settings.offsetMetadataMaxBytes };
  const offsets = new Offsets({ state, clock, random, settings: offsetSettings }, groups);
  return { groups, offsets };
}

/** The settings of groups, as the rooms know them. */
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
