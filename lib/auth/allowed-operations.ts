import { type Access, CLUSTER, type Decisions, type Operation, type Resource } from './authorize.ts';

/** The numbers of org.apache.kafka.common.acl.AclOperation. */
const OPERATION_CODES: Record<Operation, number> = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
};

/** The operations that each type of resource has (Kafka: AclEntry.supportedOperations). */
const OPERATIONS = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  TRANSACTIONAL_ID: ['DESCRIBE', 'WRITE'],
  CLUSTER: ['CREATE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE'],
} as const satisfies Record<string, readonly Operation[]>;

/** The value of the response field if the client did not request authorized operations. */
export const OPERATIONS_NOT_ASKED = -(2 ** 31);

/** The accesses to authorize before a call of `allowedOperations`. */
export function operationAccesses(resource: Resource): Access[] {
  return operationsOn(resource).map((operation) => ({ operation, resource }));
}

/** The operations allowed on a resource as Kafka's bit field (KIP-430). */
export function allowedOperations(decisions: Decisions, resource: Resource): number {
  return allowedOperationNames(decisions, resource).reduce((bits, one) => bits | (1 << OPERATION_CODES[one]), 0);
}

/** The operations allowed on a resource by name. */
export function allowedOperationNames(decisions: Decisions, resource: Resource): Operation[] {
  return operationsOn(resource).filter((operation) => decisions.allows(operation, resource));
}

function operationsOn(resource: Resource): readonly Operation[] {
  return OPERATIONS[resource.type === 'ANY' ? resource.of : resource.type];
}

/** The accesses to authorize before a call of `clusterOperations`. */
export function clusterOperationAccesses(isAsked: boolean): Access[] {
  return isAsked ? operationAccesses(CLUSTER) : [];
}

/**
 * The operations allowed on the cluster. 0 if the principal may not DESCRIBE it (Kafka:
 * computeDescribeClusterResponse).
 */
export function clusterOperations(decisions: Decisions, isAsked: boolean): number {
  if (!isAsked) return OPERATIONS_NOT_ASKED;
  return decisions.allows('DESCRIBE', CLUSTER) ? allowedOperations(decisions, CLUSTER) : 0;
}
