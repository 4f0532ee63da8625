import { principalOfIam } from '../../auth/principal.ts';
import type { Principal } from '../../core/context.ts';
import { isObject } from './shapes.ts';

/**
 * Who signed an HTTP event; undefined where nobody did. Payload 2.0 and function URLs tell it in `requestContext.authorizer.iam`,
 * payload 1.0 and REST APIs in `requestContext.identity`.
 */
export function principalOf(requestContext: Readonly<Record<string, unknown>>): Principal | undefined {
  const { authorizer, identity } = requestContext;
  const iam = isObject(authorizer) ? authorizer.iam : undefined;
  if (isObject(iam)) return principalOfIam({ arn: iam.userArn, id: iam.callerId });
  return isObject(identity) ? principalOfIam({ arn: identity.userArn, id: identity.caller }) : undefined;
}
