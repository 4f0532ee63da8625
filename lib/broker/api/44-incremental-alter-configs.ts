import { IncrementalAlterConfigs } from '../../wire/messages/44-incremental-alter-configs.ts';
import { alterConfigs as alter } from '../alter-configs.ts';
import { configAccesses, refusalBy } from '../config-resources.ts';
import { defineApi } from '../define-api.ts';

/**
 * IncrementalAlterConfigs, versions 0 and 1: sets, deletes, appends to and subtracts from single
 * configs.
 */
export const incrementalAlterConfigs = defineApi(
  IncrementalAlterConfigs,
  async (broker, request, _version, context) => {
    const { resources, validateOnly } = request;
    const decisions = await broker.authorize(context, configAccesses('ALTER_CONFIGS', resources));
    const refusal = refusalBy(decisions, 'ALTER_CONFIGS');
    return { responses: await alter(broker, context, refusal, resources, { replace: false, validateOnly }) };
  },
);
