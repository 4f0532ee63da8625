import { USER_AGENT_HEADER } from '../../core/user-agent.ts';
import { defaultCredentials } from '../../doors/tunnel/credentials.ts';
import { type Signer, signerFor } from '../../doors/tunnel/signing.ts';
import { withAbort } from '../../kit/deadline.ts';
import type { LeftOpen, OpenWake } from '../wake.ts';

/** Lambda accepts an asynchronous call within some 20 ms; the first one also connects; ms. */
const ACCEPTED_WITHIN_MS = 1_500;

const ACCEPTED = 202;

/** The functions that the stacks allow to start `seal`. */
const OWN_NAME = /^(.+)-(?:produce|fetch|coordinate|rest)$/;

/**
 * Calls the function `seal` of the same deployment, asynchronously. Undefined outside of Lambda, and
 * for a function whose name does not end as those of the stacks do. A request of its own, since
 * Lambda's client would take 30 KiB more in the bundle.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export const wakeSeal: OpenWake = (environment, clock) => {
  const { AWS_LAMBDA_FUNCTION_NAME: own = '', AWS_REGION: region } = environment;
  const [, prefix] = OWN_NAME.exec(own) ?? [];
  if (region === undefined || prefix === undefined) return undefined;
  const name = `${prefix}-seal`;
  const url = new URL(`/2015-03-31/functions/${name}/invocations`, endpointOf(environment, region));
  const unsigned = { 'content-type': 'application/json', 'x-amz-invocation-type': 'Event' };
  let signer: Promise<Signer> | undefined;
  const send = async (left: LeftOpen | undefined) => {
    const body = Buffer.from(JSON.stringify({ tidelog: 'seal', ...left }));
    signer ??= defaultCredentials().then((credentials) => signerFor({ service: 'lambda', region }, credentials, clock));
    const { host: _, ...signed } = await (await signer).sign({ url, headers: unsigned, body });
    const headers = { ...signed, 'user-agent': USER_AGENT_HEADER };
    return withAbort(clock, ACCEPTED_WITHIN_MS, (signal) => fetch(url, { method: 'POST', headers, body, signal }));
  };
  return async (left) => {
    try {
      const answer = await send(left);
      if (answer.status === ACCEPTED) return { kind: 'woken' };
      return { kind: 'failed', message: `${name}: ${answer.status} ${await answer.text()}` };
    } catch (error) {
      signer = undefined;
      return { kind: 'failed', message: `${name}: ${error instanceof Error ? error.message : String(error)}` };
    }
  };
};

function endpointOf(environment: Readonly<Record<string, string | undefined>>, region: string): string {
  const given = environment.AWS_ENDPOINT_URL_LAMBDA || environment.AWS_ENDPOINT_URL;
  return given || `https://lambda.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}
