import { coordinateApis } from '../../broker/apis-of/coordinate.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withTransactions } from '../compose-transactions.ts';
import { listDueJournals } from '../due-journals.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems } from '../transaction-items.ts';
import { openBlobs } from './open-blobs.ts';

export const coordinateFunction: FrameFunctionDefinition = {
  name: 'coordinate',
  openBlobs,
  async make(options) {
    const engine = await composeEngine(options, soloLeadership, listDueJournals);
    const { broker } = withTransactions(options, engine, transactionItems(options));
    return { handle: patientFrameHandler(broker, coordinateApis), authorize: broker.authorize };
  },
};
