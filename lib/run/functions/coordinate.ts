import { coordinateApis } from '../../broker/apis-of/coordinate.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { callsOf } from '../../broker/functions.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withGroups } from '../compose-groups.ts';
import { leftToOthers, offsetTransactions } from '../left-transactions.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems, transactionReader } from '../transaction-items.ts';
import { wakeSeal } from './wake-seal.ts';

export const coordinateFunction: FrameFunctionDefinition = {
  name: 'coordinate',
  rights: callsOf('coordinate'),
  openWake: wakeSeal,
  async make(options) {
    const items = transactionItems(options);
    const engine = await composeEngine(options, soloLeadership);
    const transactions = offsetTransactions(items, leftToOthers(options, engine, items));
    const grouped = withGroups(options, engine, transactions);
    const broker = { ...grouped.broker, transactionReader: transactionReader(options, engine, items) };
    return { handle: patientFrameHandler(broker, coordinateApis), authorize: broker.authorize };
  },
};
