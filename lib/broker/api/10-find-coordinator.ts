import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import type { Resource } from '../authorize.ts';
import type { Handler } from '../broker.ts';

const GROUP = 0;

/**
 * FindCoordinator, versions 0 to 6. Coordination has no place of its own (any node serves any group), so the node that is asked
 * answers with itself. Transactions have no coordinator yet and are refused with INVALID_REQUEST.
 */
export const findCoordinator: Handler<typeof ApiKey.FindCoordinator> = async (broker, request, version, context) => {
  const { host, port } = broker.advertised(context.listener);
  const find = (key: string) => {
    const problem = check(request.keyType, key, (resource) => broker.authorize(context, 'DESCRIBE', resource));
    return problem === undefined
      ? { key, nodeId: broker.nodeId, host, port, errorCode: 0, errorMessage: null }
      : { key, nodeId: -1, host: '', port: -1, errorCode: errorCode(problem.error), errorMessage: problem.message };
  };
  if (version >= 4) return { coordinators: request.coordinatorKeys.map(find) };
  const { key: _, ...found } = find(request.key);
  return found;
};

function check(
  keyType: number,
  key: string,
  allowed: (resource: Resource) => boolean,
): { error: ErrorName; message: string } | undefined {
  if (keyType !== GROUP) {
    return { error: 'INVALID_REQUEST', message: `this broker has no coordinator of key type ${keyType}` };
  }
  if (allowed({ type: 'GROUP', name: key })) return undefined;
  return { error: 'GROUP_AUTHORIZATION_FAILED', message: 'not authorized to describe this group' };
}
