import { composeEngine } from '../compose.ts';
import type { MaintainDefinition } from '../compose-function.ts';
import { withGroups } from '../compose-groups.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { composeUpkeep } from '../upkeep.ts';
import { openBlobs } from './open-blobs.ts';

export const maintainFunction: MaintainDefinition = {
  name: 'maintain',
  openBlobs,
  make: async (options) => composeUpkeep(withGroups(options, await composeEngine(options, soloLeadership))),
};
