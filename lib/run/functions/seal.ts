import { composeEngine } from '../compose.ts';
import { composeCoordinator, pendingOffsets } from '../compose-coordinator.ts';
import type { SealDefinition } from '../compose-scheduled.ts';
import { listDueJournals } from '../due-journals.ts';
import { Sealing } from '../sealing.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { SCHEDULED_RIGHTS } from '../store-rights.ts';
import { transactionItems } from '../transaction-items.ts';
import { openBlobs } from './open-blobs.ts';

export const sealFunction: SealDefinition = {
  name: 'seal',
  rights: SCHEDULED_RIGHTS.seal,
  openBlobs,
  async make(options) {
    // A marker may be the first entry after a seal.
    const engine = await composeEngine(options, soloLeadership, listDueJournals);
    const offsets = pendingOffsets(options);
    return new Sealing(engine, composeCoordinator(options, engine, transactionItems(options), offsets));
  },
};
