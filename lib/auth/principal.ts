import type { Principal } from '../core/context.ts';

/** A client that has not said who it is (org.apache.kafka.common.security.auth.KafkaPrincipal.ANONYMOUS). */
export const ANONYMOUS: Principal = 'User:ANONYMOUS';

/** Work that no request asked for. */
export const UPKEEP: Principal = 'User:upkeep';

/** A caller that has `lambda:InvokeFunction` and names no principal. */
const INVOKER: Principal = 'User:lambda';

const TYPE = 'User:';

/** The longest ARN of a principal has some 250 characters; an ACL item has to hold the name. Characters, with the type. */
const PRINCIPAL_CHARS_MAX = 1_024;

/** arn:aws:sts::123456789012:assumed-role/NAME/SESSION */
const ASSUMED_ROLE = /^(arn:[^:]+:sts::\d*:assumed-role\/[^/]+)\/.*$/;

/** The principal of a TCP connection: no listener authenticates its clients yet. */
export function principalOfConnection(): Principal {
  return ANONYMOUS;
}

/** What an HTTP event tells of the IAM identity that signed it. */
export interface IamIdentity {
  readonly arn: unknown;
  /** AIDA... of a user, AROA...:SESSION of a role. */
  readonly id: unknown;
}

/**
 * The principal of an IAM identity: `User:` and its ARN, or its id where there is no ARN. Undefined where there is neither. An
 * assumed role goes without the name of its session, which changes with each log-in or function instance.
 */
export function principalOfIam({ arn, id }: IamIdentity): Principal | undefined {
  if (typeof arn === 'string' && arn !== '') return `${TYPE}${arn.replace(ASSUMED_ROLE, '$1')}`;
  if (typeof id === 'string' && id !== '') return `${TYPE}${id.replace(/:.*$/, '')}`;
  return undefined;
}

/** The principal of a direct invoke: the one that the caller names, or INVOKER. Undefined if what it names is no principal. */
export function principalOfInvoke(named: unknown): Principal | undefined {
  if (named === undefined) return INVOKER;
  return isPrincipal(named) ? named : undefined;
}

/** What a gateway tells a function about a client. Nothing about an anonymous one: the gateway itself is the principal then. */
export function vouchedFor(client: Principal): Principal | undefined {
  return client === ANONYMOUS ? undefined : client;
}

/** The principal of a frame that a gateway sent to a function. */
export function principalOfFrame(gateway: Principal, vouched: Principal | undefined): Principal {
  return vouched ?? gateway;
}

/** Whether a principal may be called that: `User:` and a name. */
export function isPrincipal(value: unknown): value is Principal {
  return (
    typeof value === 'string' &&
    value.startsWith(TYPE) &&
    value.length > TYPE.length &&
    value.length <= PRINCIPAL_CHARS_MAX
  );
}
