import { coordinateApis } from '../../broker/apis-of/coordinate.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { Joining } from '../../transactions/joining.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withGroups } from '../compose-groups.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { transactionItems } from '../transaction-items.ts';

export const coordinateFunction: FrameFunctionDefinition = {
  name: 'coordinate',
  async make(options) {
    const joining = new Joining(transactionItems(options));
    const { broker } = withGroups(options, await composeEngine(options, soloLeadership), joining.forOffsets);
    return { handle: patientFrameHandler(broker, coordinateApis), authorize: broker.authorize };
  },
};
