import { fetchApis } from '../../broker/apis-of/fetch.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { callsOf } from '../../broker/functions.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withReads } from '../compose-log.ts';
import { leftToOthers } from '../left-transactions.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems } from '../transaction-items.ts';
import { openBlobs } from './open-blobs.ts';
import { wakeSeal } from './wake-seal.ts';

export const fetchFunction: FrameFunctionDefinition = {
  name: 'fetch',
  rights: callsOf('fetch'),
  openBlobs,
  openWake: wakeSeal,
  async make(options) {
    const engine = await composeEngine(options, soloLeadership);
    const { broker } = withReads(options, engine, leftToOthers(options, engine, transactionItems(options)));
    return { handle: patientFrameHandler(broker, fetchApis), authorize: broker.authorize };
  },
};
