import { AlterConfigs } from '../../wire/messages/33-alter-configs.ts';
import { alterConfigs as alter } from '../alter-configs.ts';
import { configAccesses, refusalBy } from '../config-resources.ts';
import { defineApi } from '../define-api.ts';

/**
 * AlterConfigs, versions 0 to 2: replaces all configs of a resource. Configs that are not named
 * return to their defaults.
 */
export const alterConfigs = defineApi(AlterConfigs, async (broker, request, _version, context) => {
  const { resources, validateOnly } = request;
  const decisions = await broker.authorize(context, configAccesses('ALTER_CONFIGS', resources));
  const refusal = refusalBy(decisions, 'ALTER_CONFIGS');
  return { responses: await alter(broker, context, refusal, resources, { replace: true, validateOnly }) };
});
