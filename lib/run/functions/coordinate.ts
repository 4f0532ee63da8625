import { coordinateApis } from '../../broker/apis-of/coordinate.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { Joining } from '../../transactions/joining.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withGroups } from '../compose-groups.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems, transactionReader } from '../transaction-items.ts';

export const coordinateFunction: FrameFunctionDefinition = {
  name: 'coordinate',
  async make(options) {
    const items = transactionItems(options);
    const engine = await composeEngine(options, soloLeadership);
    const grouped = withGroups(options, engine, new Joining(items).forOffsets);
    const broker = { ...grouped.broker, transactionReader: transactionReader(options, engine, items) };
    return { handle: patientFrameHandler(broker, coordinateApis), authorize: broker.authorize };
  },
};
