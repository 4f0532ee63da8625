import type { Principal } from '../core/context.ts';

/**
 * The principal of an unauthenticated client
 * (org.apache.kafka.common.security.auth.KafkaPrincipal.ANONYMOUS).
 */
export const ANONYMOUS: Principal = 'User:ANONYMOUS';

/** The principal of background work that no request triggers. */
export const UPKEEP: Principal = 'User:upkeep';

/** A caller that has `lambda:InvokeFunction` and sends no principal. */
const INVOKER: Principal = 'User:lambda';

/** Principals that stand for no identity of a client. */
const OWN: readonly Principal[] = [ANONYMOUS, UPKEEP, INVOKER];

const TYPE = 'User:';

/**
 * Maximum length of a principal, including `User:`; characters. An ARN has at most about 250; an
 * ACL item has to hold the name.
 */
const PRINCIPAL_CHARS_MAX = 1_024;

/** arn:aws:sts::123456789012:assumed-role/NAME/SESSION */
const ASSUMED_ROLE = /^(arn:[^:]+:sts::\d*:assumed-role\/[^/]+)\/.*$/;

/** The principal of a TCP connection: no listener authenticates its clients yet. */
export function principalOfConnection(): Principal {
  return ANONYMOUS;
}

/** The IAM identity that signed an HTTP event, as the event gives it. */
export interface IamIdentity {
  readonly arn: unknown;
  /** AIDA... for a user, AROA...:SESSION for a role. */
  readonly id: unknown;
}

/**
 * The principal of an IAM identity: `User:` and its ARN, or its id if there is no ARN. Undefined if
 * there is neither. For an assumed role the session name is dropped, because it changes with each
 * log-in or function instance.
 */
export function principalOfIam({ arn, id }: IamIdentity): Principal | undefined {
  if (typeof arn === 'string' && arn !== '') return `${TYPE}${arn.replace(ASSUMED_ROLE, '$1')}`;
  if (typeof id === 'string' && id !== '') return `${TYPE}${id.replace(/:.*$/, '')}`;
  return undefined;
}

/**
 * The principal of the subject of a token, as Kafka's OAUTHBEARER has it. Undefined for what is no
 * name, and for names that others have: ARNs are those of IAM identities.
 */
export function principalOfSubject(subject: unknown): Principal | undefined {
  const principal = `${TYPE}${subject}`;
  if (typeof subject !== 'string' || !isPrincipal(principal)) return undefined;
  return subject.startsWith('arn:') || OWN.includes(principal) ? undefined : principal;
}

/**
 * The principal of a direct invoke: the one that the caller sends, or INVOKER. Undefined if the
 * value sent is not a principal.
 */
export function principalOfInvoke(named: unknown): Principal | undefined {
  if (named === undefined) return INVOKER;
  return isPrincipal(named) ? named : undefined;
}

/**
 * The principal that a gateway passes to a function for a client. Undefined for an anonymous
 * client: the gateway itself is the principal then.
 */
export function vouchedFor(client: Principal): Principal | undefined {
  return client === ANONYMOUS ? undefined : client;
}

/** The principal of a frame that a gateway sent to a function. */
export function principalOfFrame(gateway: Principal, vouched: Principal | undefined): Principal {
  return vouched ?? gateway;
}

/** Whether the value is a valid principal: `User:` and a name. */
export function isPrincipal(value: unknown): value is Principal {
  return (
    typeof value === 'string' &&
    value.startsWith(TYPE) &&
    value.length > TYPE.length &&
    value.length <= PRINCIPAL_CHARS_MAX
  );
}
