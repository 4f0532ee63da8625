import { coordinateApis } from '../../broker/apis-of/coordinate.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withGroups } from '../compose-groups.ts';
import { soloLeadership } from '../solo-leadership.ts';

export const coordinateFunction: FrameFunctionDefinition = {
  name: 'coordinate',
  async make(options) {
    const { broker } = withGroups(options, await composeEngine(options, soloLeadership));
    return { handle: patientFrameHandler(broker, coordinateApis), authorize: broker.authorize };
  },
};
