import { isObject } from './shapes.ts';

/** Kafka's type of principal for users and roles alike. */
const TYPE = 'User:';

/** Who may invoke the function may do so under any name; this is the one without. */
export const INVOKER_PRINCIPAL = 'User:lambda';

/** Longer names would not fit into Kafka's ACLs comfortably, and no ARN comes near. */
const NAME_CHARS_MAX = 1_024;

/** arn:aws:sts::123456789012:assumed-role/NAME/SESSION */
const ASSUMED_ROLE = /^(arn:[^:]+:sts::\d*:assumed-role\/[^/]+)\/.*$/;

/**
 * Who signed an HTTP event, as `User:<ARN>`; undefined where nobody did. Payload 2.0 and function URLs tell it in
 * `requestContext.authorizer.iam`, payload 1.0 and REST APIs in `requestContext.identity`. An assumed role goes without the name
 * of its session, which changes with each log-in or function instance.
 */
export function principalOf(requestContext: Readonly<Record<string, unknown>>): string | undefined {
  const { authorizer, identity } = requestContext;
  const iam = isObject(authorizer) ? authorizer.iam : undefined;
  const [told, id] = isObject(iam)
    ? [iam.userArn, iam.callerId]
    : isObject(identity)
      ? [identity.userArn, identity.caller]
      : [];
  if (typeof told === 'string' && told !== '') return TYPE + told.replace(ASSUMED_ROLE, '$1');
  // An id without an ARN: AROA...:session, of which the session changes too.
  if (typeof id === 'string' && id !== '') return TYPE + id.replace(/:.*$/, '');
  return undefined;
}

/** Whether a caller may be called that: `User:` and a name. */
export function isPrincipal(value: unknown): value is string {
  return (
    typeof value === 'string' && value.startsWith(TYPE) && value.length > TYPE.length && value.length <= NAME_CHARS_MAX
  );
}
