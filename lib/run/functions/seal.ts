import { composeEngine } from '../compose.ts';
import type { SealDefinition } from '../compose-function.ts';
import { Sealing } from '../sealing.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { openBlobs } from './open-blobs.ts';

export const sealFunction: SealDefinition = {
  name: 'seal',
  openBlobs,
  make: async (options) => new Sealing(await composeEngine(options, soloLeadership)),
};
