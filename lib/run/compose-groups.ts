import type { GroupBroker } from '../broker/broker.ts';
import { GroupCoordinator } from '../groups/coordinator.ts';
import { Offsets } from '../offsets/offsets.ts';
import type { OffsetTransactions } from '../offsets/transactions.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';
import { groupConfig } from './group-config.ts';
import { offsetSettings } from './offset-settings.ts';

/** An engine with groups and their committed offsets. */
export interface GroupEngine extends Engine {
  readonly broker: GroupBroker;
  readonly groups: GroupCoordinator;
}

/** Adds groups and committed offsets to an engine. Each of the two needs the other. */
export function withGroups<E extends Engine>(
  options: ComposeOptions,
  engine: E,
  transactions: OffsetTransactions,
): E & GroupEngine {
  const { stores, clock, random, logger, settings } = options;
  const { broker, ageing } = engine;
  const { topics } = broker.admin;
  const { state } = stores;
  const groups = new GroupCoordinator({
    state,
    clock,
    random,
    logger,
    config: groupConfig(settings),
    topics,
    ageing,
    turns: broker.turns,
    deleteOffsets: (groupId, since) => offsets.removeGroup(groupId, since),
    keepsOffsets: (groupId) => offsets.keeps(groupId),
    expireOffsets: (groupId, facts, since) => offsets.expire(groupId, facts, since, (id) => topics.isThere(id)),
  });
  const offsets = new Offsets({ state, clock, random, settings: offsetSettings(settings) }, groups, transactions);
  const close = async () => {
    await groups.close();
    await engine.close();
  };
  return { ...engine, broker: { ...engine.broker, groups, offsets }, groups, close };
}
