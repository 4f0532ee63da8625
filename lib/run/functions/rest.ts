import { allRoutes } from '../../rest/routes.ts';
import { composeEngine } from '../compose.ts';
import { withGroups } from '../compose-groups.ts';
import { withRecords } from '../compose-log.ts';
import { composeRest } from '../compose-rest.ts';
import { REST_FUNCTION_LIMITS, type RestDefinition } from '../compose-rest-function.ts';
import { leftToOthers, offsetTransactions } from '../left-transactions.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { REST_RIGHTS } from '../store-rights.ts';
import { transactionItems } from '../transaction-items.ts';
import { wakingDueJournals } from '../waking.ts';
import { openBlobs } from './open-blobs.ts';
import { wakeSeal } from './wake-seal.ts';

export const restFunction: RestDefinition = {
  name: 'rest',
  rights: REST_RIGHTS,
  openBlobs,
  openWake: wakeSeal,
  async make(options) {
    const items = transactionItems(options);
    const engine = await composeEngine(options, soloLeadership, wakingDueJournals);
    const left = leftToOthers(options, engine, items);
    const grouped = withGroups(options, engine, offsetTransactions(items, left));
    const { broker } = withRecords(options, grouped, items, left);
    return composeRest(options, broker, allRoutes, REST_FUNCTION_LIMITS);
  },
};
