import type { FrameFunction } from '../broker/apis.ts';
import type { Clock } from '../core/clock.ts';
import { defaultCredentials } from '../doors/tunnel/credentials.ts';
import { httpTransport } from '../doors/tunnel/http-transport.ts';
import { type Signer, scopeOfHost, signerFor } from '../doors/tunnel/signing.ts';
import type { Transport } from '../doors/tunnel/transport.ts';
import type { Via } from '../doors/tunnel/via.ts';
import { isLoopback } from '../settings/listeners.ts';
import { regionMissing, requireCredentials } from './aws-identity.ts';

/**
 * The region that requests to endpoints on this machine are signed for if none is set; they ignore
 * it.
 */
const LOCAL_REGION = 'us-east-1';

/**
 * Opens the transport to the functions with the credentials that the AWS SDK finds. The SDK's
 * client for Lambda is loaded only for Lambda, as loading it takes a tenth of a second. Throws
 * StartError if there are no credentials or no region.
 */
export async function openTransport(via: Via, region: string | undefined, clock: Clock): Promise<Transport> {
  const credentials = await defaultCredentials();
  await requireCredentials(credentials);
  if (via.kind === 'lambda') {
    const { lambdaTransport } = await import('../doors/tunnel/lambda-transport.ts');
    if (region === undefined && (await profileRegion()) === undefined) throw regionMissing('Lambda');
    return lambdaTransport({ prefix: via.prefix, region, credentials });
  }
  const signers: Partial<Record<FrameFunction, Signer>> = {};
  const services = new Set<string>();
  for (const [name, url] of Object.entries(via.urls)) {
    const scope = scopeOfHost(url.hostname);
    const signingRegion = scope.region ?? region ?? (await profileRegion()) ?? localRegion(url.hostname);
    if (signingRegion === undefined) throw regionMissing(url.hostname);
    signers[name as FrameFunction] = await signerFor(
      { service: scope.service, region: signingRegion },
      credentials,
      clock,
    );
    services.add(scope.service);
  }
  return httpTransport({
    urls: via.urls,
    signers: signers as Record<FrameFunction, Signer>,
    // Function URLs require both permissions since October 2025.
    permission: services.has('lambda') ? 'lambda:InvokeFunctionUrl and lambda:InvokeFunction' : 'execute-api:Invoke',
    clock,
  });
}

/**
 * The region from the AWS SDK's sources, the environment and the profile's file; undefined if there
 * is none.
 */
async function profileRegion(): Promise<string | undefined> {
  const { LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient({});
  try {
    return await client.config.region();
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}

function localRegion(hostname: string): string | undefined {
  return isLoopback(hostname.replace(/^\[|\]$/g, '')) || hostname.endsWith('.localhost') ? LOCAL_REGION : undefined;
}
