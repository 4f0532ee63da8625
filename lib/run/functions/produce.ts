import { produceApis } from '../../broker/apis-of/produce.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { callsOf } from '../../broker/functions.ts';
import { composeEngine } from '../compose.ts';
import { composeCoordinator, pendingOffsets } from '../compose-coordinator.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withAppends } from '../compose-log.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems } from '../transaction-items.ts';
import { wakingDueJournals } from '../waking.ts';
import { openBlobs } from './open-blobs.ts';
import { wakeSeal } from './wake-seal.ts';

export const produceFunction: FrameFunctionDefinition = {
  name: 'produce',
  rights: callsOf('produce'),
  openBlobs,
  openWake: wakeSeal,
  async make(options) {
    const items = transactionItems(options);
    const engine = await composeEngine(options, soloLeadership, wakingDueJournals);
    const transactions = composeCoordinator(options, engine, items, pendingOffsets(options));
    const appends = withAppends(options, engine, items);
    const broker = { ...appends.broker, transactions };
    return { handle: patientFrameHandler(broker, produceApis), authorize: broker.authorize };
  },
};
