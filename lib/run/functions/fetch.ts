import { fetchApis } from '../../broker/apis-of/fetch.ts';
import { patientFrameHandler } from '../../broker/dispatch.ts';
import { composeEngine } from '../compose.ts';
import type { FrameFunctionDefinition } from '../compose-function.ts';
import { withReads } from '../compose-log.ts';
import { soloLeadership } from '../solo-leadership.ts';
import { openBlobs } from './open-blobs.ts';

export const fetchFunction: FrameFunctionDefinition = {
  name: 'fetch',
  openBlobs,
  async make(options) {
    const { broker } = withReads(options, await composeEngine(options, soloLeadership));
    return { handle: patientFrameHandler(broker, fetchApis), authorize: broker.authorize };
  },
};
