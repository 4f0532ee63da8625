import { type Access, type Decisions, groupResource, type Resource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode, type Failure } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import { FindCoordinator } from '../../wire/messages/10-find-coordinator.ts';
import { defineApi } from '../define-api.ts';

/** What a key names (org.apache.kafka.common.requests.FindCoordinatorRequest.CoordinatorType). */
const GROUP = 0;
const TRANSACTION = 1;

/**
 * FindCoordinator, versions 0 to 6. Any node serves any group and any transactional id. In a fleet the
 * hash of the id selects a live node, so that a group's members use one node and the ids are spread.
 */
export const findCoordinator = defineApi(FindCoordinator, async (broker, request, version, context) => {
  const { keyType } = request;
  const keys = version >= FIRST_WITH_KEYS ? request.coordinatorKeys : [request.key];
  const decisions = await broker.authorize(context, accesses(keyType, new Set(keys)));
  await broker.leadership.look();
  const nodes = broker.leadership.nodes(context);
  const find = (key: string) => {
    const problem = check(keyType, key, decisions);
    if (problem !== undefined) return { key, ...NOWHERE, ...failure(problem.error, problem.message ?? '') };
    const wanted = broker.leadership.nodeOf(key);
    const node = nodes.find(({ nodeId }) => nodeId === wanted);
    if (node === undefined) return { key, ...NOWHERE, ...failure('COORDINATOR_NOT_AVAILABLE', 'no node is live') };
    return { key, nodeId: node.nodeId, host: node.host, port: node.port, errorCode: 0, errorMessage: '' };
  };
  if (version >= FIRST_WITH_KEYS) return { coordinators: await each(broker, keys, find, (key) => key) };
  const { key: _, ...found } = find(request.key);
  return found.errorCode === 0 ? { ...found, errorMessage: 'NONE' } : found;
});

/** From this version on, a request may have several keys. */
const FIRST_WITH_KEYS = 4;

const NOWHERE = { nodeId: -1, host: '', port: -1 };

function failure(error: ErrorName, errorMessage: string) {
  return { errorCode: errorCode(error), errorMessage };
}

function accesses(keyType: number, keys: Iterable<string>): Access[] {
  return Array.from(keys).flatMap((key) => {
    const resource = resourceOf(keyType, key);
    return resource === undefined ? [] : [{ operation: 'DESCRIBE', resource }];
  });
}

function resourceOf(keyType: number, key: string): Resource | undefined {
  if (keyType === GROUP) return groupResource(key);
  return keyType === TRANSACTION ? { type: 'TRANSACTIONAL_ID', name: key } : undefined;
}

function check(keyType: number, key: string, decisions: Decisions): Failure | undefined {
  const resource = resourceOf(keyType, key);
  if (resource !== undefined && !decisions.allows('DESCRIBE', resource)) {
    return keyType === GROUP
      ? { error: 'GROUP_AUTHORIZATION_FAILED', message: 'not authorized to describe this group' }
      : { error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', message: 'not authorized to describe this transactional id' };
  }
  if (resource !== undefined) return undefined;
  return { error: 'INVALID_REQUEST', message: `this broker has no coordinator of key type ${keyType}` };
}
