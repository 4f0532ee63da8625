import { LeaderItems } from '../cluster/leader-items.ts';
import { Solo } from '../cluster/solo.ts';
import type { ComposeLeadership } from './compose-options.ts';

/** For a process or function that belongs to no fleet. */
export const soloLeadership: ComposeLeadership = (options, journals, ageing) => {
  const { settings, stores, random, logger, advertised } = options;
  const items = new LeaderItems({ state: stores.state, clock: ageing, random, logger });
  const { nodeId, brokerRack: rack = null } = settings;
  return new Solo({ nodeId, rack, advertised, journals, items });
};
