import type { ApiKey } from '../../wire/apis.ts';
import { alterConfigs as alter } from '../alter-configs.ts';
import type { Handler } from '../broker.ts';
import { configAccesses, refusalBy } from '../config-resources.ts';

/** IncrementalAlterConfigs, versions 0 and 1: sets, deletes, appends to and subtracts from single configs. */
export const incrementalAlterConfigs: Handler<typeof ApiKey.IncrementalAlterConfigs> = async (
  broker,
  request,
  _version,
  context,
) => {
  const { resources, validateOnly } = request;
  const decisions = await broker.authorize(context, configAccesses('ALTER_CONFIGS', resources));
  const refusal = refusalBy(decisions, 'ALTER_CONFIGS');
  return { responses: await alter(broker, context, refusal, resources, { replace: false, validateOnly }) };
};
