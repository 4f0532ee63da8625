import type { RequestContext } from '../core/context.ts';

/** The operations that Tidelog authorizes (org.apache.kafka.common.acl.AclOperation). */
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

/**
 * The target of an operation (org.apache.kafka.common.resource.ResourceType). `ANY` is for requests
 * that do not list their resources: see `Authorize` and `Decisions`.
 */
export type Resource =
  | { readonly type: 'TOPIC'; readonly name: string }
  | { readonly type: 'GROUP'; readonly name: string }
  | { readonly type: 'TRANSACTIONAL_ID'; readonly name: string }
  | { readonly type: 'CLUSTER' }
  | { readonly type: 'ANY'; readonly of: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' };

/** One operation on one resource. */
export interface Access {
  readonly operation: Operation;
  readonly resource: Resource;
}

/**
 * The result of one `Authorize` call. It holds for the whole request, even if the rights change
 * meanwhile.
 */
export interface Decisions {
  /**
   * Whether the principal may do this. Valid only for an access that was passed to `Authorize`, or,
   * if `ANY` was passed, for the same operation on any resource of that type. `ANY` itself is
   * allowed if at least one resource of the type is allowed (KIP-679).
   */
  allows(operation: Operation, resource: Resource): boolean;
}

/**
 * Decides what the principal of a request may do.
 *
 * A handler calls it once per request, for every access that the request may need, before it looks
 * up any resource. There are two exceptions. Topics that a request names by id are looked up first,
 * because rights belong to names. If the names come with the result (a list of all topics, a
 * pattern), the handler passes `ANY`.
 *
 * An authorizer that needs no I/O returns a plain value. A caller that must keep its order awaits
 * the result only if it is a promise. Rejects with StoreUnavailableError if it cannot decide. The
 * connection is then closed; if the response has an error per partition, that error is
 * KAFKA_STORAGE_ERROR instead.
 */
export type Authorize = (context: RequestContext, accesses: readonly Access[]) => Decisions | Promise<Decisions>;

const EVERYTHING: Decisions = { allows: () => true };

/** Allows every operation to every principal: for deployments without authorization. */
export const allowAll: Authorize = () => EVERYTHING;

export const CLUSTER: Resource = { type: 'CLUSTER' };
export const ANY_TOPIC: Resource = { type: 'ANY', of: 'TOPIC' };
export const ANY_GROUP: Resource = { type: 'ANY', of: 'GROUP' };
export const ANY_TRANSACTIONAL_ID: Resource = { type: 'ANY', of: 'TRANSACTIONAL_ID' };

export function topicResource(name: string): Resource {
  return { type: 'TOPIC', name };
}

export function groupResource(name: string): Resource {
  return { type: 'GROUP', name };
}

/** The accesses for one operation on several topics, without duplicates. */
export function topicAccesses(operation: Operation, names: Iterable<string>): Access[] {
  return Array.from(new Set(names), (name) => ({ operation, resource: topicResource(name) }));
}

/** The accesses for one operation on several groups, without duplicates. */
export function groupAccesses(operation: Operation, ids: Iterable<string>): Access[] {
  return Array.from(new Set(ids), (id) => ({ operation, resource: groupResource(id) }));
}
