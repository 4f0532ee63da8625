import * as v from 'valibot';
import { CLUSTER, type Decisions, type Operation } from '../../auth/authorize.ts';
import type { Answer } from '../answer.ts';
import { badRequest, kafkaFailure } from '../errors.ts';
import { defineClusterRoute, listSchema, resourceSchema } from './resource.ts';

/**
 * The routes of ACLs. There are none, so they answer as Confluent's do in front of a Kafka without an
 * authorizer.
 */

const TAG = 'ACL (v3)';

const aclFields = {
  resource_type: v.string(),
  resource_name: v.string(),
  pattern_type: v.string(),
  principal: v.string(),
  host: v.string(),
  operation: v.string(),
  permission: v.string(),
};

const aclData = resourceSchema('KafkaAcl', { cluster_id: v.string(), ...aclFields });
const ACL_LIST = { status: 200, schema: listSchema('KafkaAclList', aclData) };
const aclBody = v.object(aclFields);

const aclFilter = v.object({
  resource_type: v.optional(v.string()),
  resource_name: v.optional(v.string()),
  pattern_type: v.optional(v.string()),
  principal: v.optional(v.string()),
  host: v.optional(v.string()),
  operation: v.optional(v.string()),
  permission: v.optional(v.string()),
});

/** Kafka's answer without an authorizer (AclApis: SECURITY_DISABLED). */
const NO_AUTHORIZER: Answer = kafkaFailure({ error: 'SECURITY_DISABLED', message: 'No Authorizer is configured.' });

const readAccesses = () => [{ operation: 'DESCRIBE', resource: CLUSTER }] as const;
const changeAccesses = () => [{ operation: 'ALTER', resource: CLUSTER }] as const;

const searchAcls = defineClusterRoute({
  method: 'GET',
  path: '/acls',
  summary: 'Search ACLs',
  tag: TAG,
  query: aclFilter,
  success: ACL_LIST,
  accesses: readAccesses,
  async handle(_rest, { query, decisions }) {
    return isUnknown(query.resource_type) ?? noAcls(decisions, 'DESCRIBE');
  },
});

const createAcl = defineClusterRoute({
  method: 'POST',
  path: '/acls',
  summary: 'Create an ACL',
  tag: TAG,
  body: { kind: 'json', schema: aclBody },
  success: { status: 201 },
  accesses: changeAccesses,
  async handle(_rest, { body, decisions }) {
    return isUnknown(body.resource_type) ?? noAcls(decisions, 'ALTER');
  },
});

const createAcls = defineClusterRoute({
  method: 'POST',
  path: '/acls:batch',
  summary: 'Create ACLs',
  tag: TAG,
  body: { kind: 'json', schema: v.object({ data: v.array(aclBody) }) },
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(_rest, { decisions }) {
    return noAcls(decisions, 'ALTER');
  },
});

const deleteAcls = defineClusterRoute({
  method: 'DELETE',
  path: '/acls',
  summary: 'Delete ACLs',
  tag: TAG,
  query: aclFilter,
  success: { status: 200, schema: v.object({ data: v.array(aclData) }) },
  accesses: changeAccesses,
  async handle(_rest, { query, decisions }) {
    for (const name of ['resource_type', 'pattern_type', 'operation', 'permission'] as const) {
      const value = query[name];
      if (value === undefined || value === 'UNKNOWN') return badRequest(`${name} cannot be unspecified or UNKNOWN`);
    }
    return noAcls(decisions, 'ALTER');
  },
});

function isUnknown(resourceType: string | undefined): Answer | undefined {
  return resourceType === 'UNKNOWN' ? badRequest('resource_type cannot be UNKNOWN') : undefined;
}

function noAcls(decisions: Decisions, operation: Operation): Answer {
  return decisions.allows(operation, CLUSTER) ? NO_AUTHORIZER : kafkaFailure({ error: 'CLUSTER_AUTHORIZATION_FAILED' });
}

export const aclRoutes = [searchAcls, createAcl, createAcls, deleteAcls];
