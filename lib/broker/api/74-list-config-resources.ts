import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { ListConfigResources } from '../../wire/messages/74-list-config-resources.ts';
import { isConfigResource, ResourceType } from '../config-resources.ts';
import { defineApi } from '../define-api.ts';

/** The resource type that version 0 implies. */
const VERSION_0_TYPES = [ResourceType.CLIENT_METRICS];

/**
 * The types of version 1, in the order of Kafka's answer. No group and no client metrics resource
 * has its own configs.
 */
const ALL_TYPES = [ResourceType.BROKER_LOGGER, ResourceType.BROKER, ResourceType.TOPIC];

/**
 * ListConfigResources, versions 0 and 1: the resources that DescribeConfigs knows. An empty list of
 * types means all.
 */
export const listConfigResources = defineApi(ListConfigResources, async (broker, request, version, context) => {
  const decisions = await broker.authorize(context, [{ operation: 'DESCRIBE_CONFIGS', resource: CLUSTER }]);
  if (!decisions.allows('DESCRIBE_CONFIGS', CLUSTER)) {
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), configResources: [] };
  }
  const asked: readonly number[] = version === 0 ? VERSION_0_TYPES : request.resourceTypes;
  if (!asked.every(isConfigResource)) return { errorCode: errorCode('UNSUPPORTED_VERSION'), configResources: [] };
  const configResources = [];
  for (const resourceType of ALL_TYPES) {
    if (asked.length > 0 && !asked.includes(resourceType)) continue;
    if (resourceType !== ResourceType.TOPIC) {
      configResources.push({ resourceName: String(broker.leadership.nodeId), resourceType });
      continue;
    }
    for (const { record } of await broker.admin.topics.list()) {
      configResources.push({ resourceName: record.name, resourceType });
    }
  }
  return { errorCode: 0, configResources };
});
