import type { RequestContext } from '../core/context.ts';

/** Kafka's operations and resources (org.apache.kafka.common.acl.AclOperation, ResourceType), as far as they are asked about. */
export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'ALTER'
  | 'DESCRIBE'
  | 'CLUSTER_ACTION'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER_CONFIGS'
  | 'IDEMPOTENT_WRITE';

export type Resource =
  | { readonly type: 'TOPIC'; readonly name: string }
  | { readonly type: 'GROUP'; readonly name: string }
  | { readonly type: 'TRANSACTIONAL_ID'; readonly name: string }
  | { readonly type: 'CLUSTER' };

/** May this be done? Every handler asks before it does anything. */
export type Authorize = (context: RequestContext, operation: Operation, resource: Resource) => boolean;

/** Lets everybody do everything: what a deployment without authentication does. */
export const allowAll: Authorize = () => true;

export const CLUSTER: Resource = { type: 'CLUSTER' };

export function topicResource(name: string): Resource {
  return { type: 'TOPIC', name };
}

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

const TOPIC_OPERATIONS: readonly Operation[] = [
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
];
const GROUP_OPERATIONS: readonly Operation[] = ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'];
const CLUSTER_OPERATIONS: readonly Operation[] = [
  'CREATE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
];

/** What a client gets that did not ask for its operations. */
export const OPERATIONS_NOT_ASKED = -(2 ** 31);

/** The operations allowed on a resource as Kafka's bit field (KIP-430). */
export function allowedOperations(authorize: Authorize, context: RequestContext, resource: Resource): number {
  const operations = operationsOn(resource);
  let bits = 0;
  for (const operation of operations) {
    if (authorize(context, operation, resource)) bits |= 1 << OPERATION_CODES[operation];
  }
  return bits;
}

function operationsOn({ type }: Resource): readonly Operation[] {
  if (type === 'CLUSTER') return CLUSTER_OPERATIONS;
  return type === 'GROUP' ? GROUP_OPERATIONS : TOPIC_OPERATIONS;
}
