import { produceApis } from '../../broker/apis-of/produce.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withAppends } from '../compose-log.ts';
import { listDueJournals } from '../due-journals.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { openBlobs } from './open-blobs.ts';

export const produceFunction: FrameFunctionDefinition = {
  name: 'produce',
  openBlobs,
  async make(options) {
    const { broker } = withAppends(options, await composeEngine(options, soloLeadership, listDueJournals));
    return { handle: patientFrameHandler(broker, produceApis), authorize: broker.authorize };
  },
};
