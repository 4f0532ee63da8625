import type { Resource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { ApiKey } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';
import { each } from '../each.ts';

const GROUP = 0;

/**
 * FindCoordinator, versions 0 to 6. Any node serves any group; in a fleet the hash of the group's id tells one of the live nodes, so
 * that a group's members meet and groups spread. Transactions have no coordinator yet and are refused with INVALID_REQUEST.
 */
export const findCoordinator: Handler<typeof ApiKey.FindCoordinator> = async (broker, request, version, context) => {
  await broker.leadership.look();
  const nodes = broker.leadership.nodes(context);
  const find = (key: string) => {
    const problem = check(request.keyType, key, (resource) => broker.authorize(context, 'DESCRIBE', resource));
    if (problem !== undefined) return { key, ...NOWHERE, ...failure(problem.error, problem.message) };
    const wanted = broker.leadership.nodeOf(key);
    const node = nodes.find(({ nodeId }) => nodeId === wanted);
    if (node === undefined) return { key, ...NOWHERE, ...failure('COORDINATOR_NOT_AVAILABLE', 'no node is live') };
    return { key, nodeId: node.nodeId, host: node.host, port: node.port, errorCode: 0, errorMessage: '' };
  };
  if (version >= 4) return { coordinators: await each(broker, request.coordinatorKeys, find, (key) => key) };
  const { key: _, ...found } = find(request.key);
  return found.errorCode === 0 ? { ...found, errorMessage: 'NONE' } : found;
};

const NOWHERE = { nodeId: -1, host: '', port: -1 };

function failure(error: ErrorName, errorMessage: string) {
  return { errorCode: errorCode(error), errorMessage };
}

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
