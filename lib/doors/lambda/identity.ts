import { principalOfIam, principalOfSubject } from '../../auth/principal.ts';
import type { Principal } from '../../core/context.ts';
import { isObject } from './shapes.ts';

/**
 * The IAM identity that signed an HTTP event; undefined for an unsigned event. Payload 2.0 and
 * function URLs have it in `requestContext.authorizer.iam`, payload 1.0 and REST APIs in
 * `requestContext.identity`.
 */
export function principalOf(requestContext: Readonly<Record<string, unknown>>): Principal | undefined {
  const { authorizer, identity } = requestContext;
  const iam = isObject(authorizer) ? authorizer.iam : undefined;
  if (isObject(iam)) return principalOfIam({ arn: iam.userArn, id: iam.callerId });
  return isObject(identity) ? principalOfIam({ arn: identity.userArn, id: identity.caller }) : undefined;
}

/**
 * The subject of the token that API Gateway's JWT authorizer has checked; undefined without one
 * (payload 2.0 only).
 */
export function principalOfToken({ authorizer }: Readonly<Record<string, unknown>>): Principal | undefined {
  const jwt = isObject(authorizer) ? authorizer.jwt : undefined;
  const claims = isObject(jwt) ? jwt.claims : undefined;
  return isObject(claims) ? principalOfSubject(claims.sub) : undefined;
}
