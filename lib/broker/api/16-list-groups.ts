import { ANY_GROUP, CLUSTER, groupResource } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { ListGroups } from '../../wire/messages/16-list-groups.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

/**
 * ListGroups, versions 0 to 5, filtered by states and types, ignoring case. Clients that may
 * describe the cluster see all groups, others those that they may describe. Types are sent in lower
 * case, states in Kafka's spelling (Group.GroupType, ClassicGroupState,
 * ConsumerGroup.ConsumerGroupState).
 */
export const listGroups = defineApi(ListGroups, async (broker: GroupBroker, request, _version, context) => {
  const decisions = await broker.authorize(context, [
    { operation: 'DESCRIBE', resource: CLUSTER },
    { operation: 'DESCRIBE', resource: ANY_GROUP },
  ]);
  const seesAll = decisions.allows('DESCRIBE', CLUSTER);
  const lower = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));
  const [states, types] = [lower(request.statesFilter), lower(request.typesFilter)];
  try {
    const groups = (await broker.groups.list(context)).filter(
      ({ groupId, state, type }) =>
        (states.size === 0 || states.has(state.toLowerCase())) &&
        (types.size === 0 || types.has(type)) &&
        (seesAll || decisions.allows('DESCRIBE', groupResource(groupId))),
    );
    return {
      errorCode: 0,
      groups: groups.map(({ groupId, protocolType, state, type }) => ({
        groupId,
        protocolType,
        groupState: state,
        groupType: type,
      })),
    };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { errorCode: errorCode('COORDINATOR_NOT_AVAILABLE'), groups: [] };
  }
});
