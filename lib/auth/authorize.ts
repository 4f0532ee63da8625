import type { RequestContext } from '../core/context.ts';

/** Kafka's operations, as far as they are asked about (org.apache.kafka.common.acl.AclOperation). */
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
 * What an operation works on (org.apache.kafka.common.resource.ResourceType). `ANY` is for names that the request does not
 * give: see `Authorize` and `Decisions`.
 */
export type Resource =
  | { readonly type: 'TOPIC'; readonly name: string }
  | { readonly type: 'GROUP'; readonly name: string }
  | { readonly type: 'TRANSACTIONAL_ID'; readonly name: string }
  | { readonly type: 'CLUSTER' }
  | { readonly type: 'ANY'; readonly of: 'TOPIC' | 'GROUP' };

/** One operation on one resource. */
export interface Access {
  readonly operation: Operation;
  readonly resource: Resource;
}

/** The answer to one question. It holds for the request that asked, also where the rights change meanwhile. */
export interface Decisions {
  /**
   * Whether the principal may do this. Only for what was in the question: an access that was asked, or, where `ANY` was asked,
   * the same operation on any resource of that type. `ANY` itself is allowed where at least one resource of the type is
   * (KIP-679).
   */
  allows(operation: Operation, resource: Resource): boolean;
}

/**
 * Decides what the principal of a request may do.
 *
 * A handler asks once per request, for everything that the request may need, before it looks anything up. Two cases are special:
 * topics that a request names by id are looked up first, because rights are given to names; and where the names come with the
 * result (a list of all topics, a pattern), the handler asks for `ANY`.
 *
 * An authorizer that needs no I/O returns a plain value. Callers whose order matters await only a promise. Rejects with
 * StoreUnavailableError if it cannot decide; the connection is closed then. Where the answer has an error for each partition,
 * it is KAFKA_STORAGE_ERROR instead.
 */
export type Authorize = (context: RequestContext, accesses: readonly Access[]) => Decisions | Promise<Decisions>;

const EVERYTHING: Decisions = { allows: () => true };

/** Allows everything to everybody: for deployments without authorization. */
export const allowAll: Authorize = () => EVERYTHING;

export const CLUSTER: Resource = { type: 'CLUSTER' };
export const ANY_TOPIC: Resource = { type: 'ANY', of: 'TOPIC' };
export const ANY_GROUP: Resource = { type: 'ANY', of: 'GROUP' };

export function topicResource(name: string): Resource {
  return { type: 'TOPIC', name };
}

export function groupResource(name: string): Resource {
  return { type: 'GROUP', name };
}

/** The same operation on several topics, each once, as part of a question. */
export function topicAccesses(operation: Operation, names: Iterable<string>): Access[] {
  return Array.from(new Set(names), (name) => ({ operation, resource: topicResource(name) }));
}

/** The same operation on several groups, each once, as part of a question. */
export function groupAccesses(operation: Operation, ids: Iterable<string>): Access[] {
  return Array.from(new Set(ids), (id) => ({ operation, resource: groupResource(id) }));
}
