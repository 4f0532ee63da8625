import { adminApis } from '../../broker/apis-of/admin.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { callsOf } from '../../broker/functions.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withAdministration } from '../compose-log.ts';
import { listDueJournals } from '../due-journals.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { openBlobs } from './open-blobs.ts';

export const adminFunction: FrameFunctionDefinition = {
  name: 'admin',
  rights: callsOf('admin'),
  openBlobs,
  async make(options) {
    const { broker } = withAdministration(options, await composeEngine(options, soloLeadership, listDueJournals));
    return { handle: patientFrameHandler(broker, adminApis), authorize: broker.authorize };
  },
};
