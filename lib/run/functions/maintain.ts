import { composeEngine } from '../compose.ts';
import { withGroups } from '../compose-groups.ts';
import type { MaintainDefinition } from '../compose-scheduled.ts';
import { leftToOthers, offsetTransactions } from '../left-transactions.ts';
import { restJob } from '../rest-job.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { SCHEDULED_RIGHTS } from '../store-rights.ts';
import { transactionItems } from '../transaction-items.ts';
import { composeUpkeep } from '../upkeep.ts';
import { openBlobs } from './open-blobs.ts';

export const maintainFunction: MaintainDefinition = {
  name: 'maintain',
  rights: SCHEDULED_RIGHTS.maintain,
  openBlobs,
  async make(options) {
    const engine = await composeEngine(options, soloLeadership);
    const items = transactionItems(options);
    const transactions = offsetTransactions(items, leftToOthers(options, engine, items));
    return composeUpkeep(withGroups(options, engine, transactions), restJob);
  },
};
