import { haveDocker, startLocalstack, stopLocalstack } from './docker.ts';
import { EndpointError } from './endpoint-error.ts';
import { requireEndpoint } from './health.ts';
import { type Ministack, startMinistack, stopMinistack } from './ministack.ts';
import { findPython } from './python.ts';
import { workFolder } from './work-folder.ts';

/**
 * An AWS-compatible endpoint on this machine. Plain data.
 *
 * - `ministack`: a process that `startEndpoint` started.
 * - `localstack`: a container that `startEndpoint` started.
 * - `given`: the endpoint that AWS_ENDPOINT_URL names; it is never started or stopped here.
 */
export type Endpoint =
  | ({ readonly kind: 'ministack' } & Ministack)
  | { readonly kind: 'localstack'; readonly url: string }
  | { readonly kind: 'given'; readonly url: string };

export interface EndpointOptions {
  /**
   * Default: the one in AWS_ENDPOINT_URL; else LocalStack if a Docker engine runs; else MiniStack.
   */
  readonly use?: 'localstack' | 'ministack';
  /** The port on 127.0.0.1, 0 for any free one. Default: 0. */
  readonly port?: number;
  /**
   * Whether it keeps running after this process. Default: false. A container always keeps running.
   */
  readonly outlives?: boolean;
}

/**
 * Starts an empty endpoint that only this machine can reach. If AWS_ENDPOINT_URL names one, checks
 * that it answers instead. Rejects with EndpointError, whose message says what is missing and what
 * to do. After an error nothing keeps running.
 */
export async function startEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  const { use, port = 0, outlives = false } = options;
  const given = process.env.AWS_ENDPOINT_URL;
  if (use === undefined && given) {
    await requireEndpoint(given, 'Start it, or take AWS_ENDPOINT_URL out of the environment.');
    return { kind: 'given', url: given };
  }
  if (use === 'localstack' || (use === undefined && (await haveDocker()))) {
    if (use === 'localstack' && !(await haveDocker())) {
      throw new EndpointError('LocalStack needs a Docker engine that runs, with the compose plug-in: start Docker.');
    }
    return { kind: 'localstack', url: await startLocalstack(port) };
  }
  const python = await findPython();
  if (python === undefined) {
    throw new EndpointError(
      'Neither a Docker engine (for LocalStack) nor Python 3.10 or newer (for MiniStack) was found: start or install one of them, ' +
        'or name an endpoint in AWS_ENDPOINT_URL.',
    );
  }
  return { kind: 'ministack', ...(await startMinistack({ python, folder: workFolder(), port, outlives })) };
}

/**
 * Ends an endpoint that `startEndpoint` started, and deletes its data. A given endpoint is not
 * changed.
 */
export async function stopEndpoint(endpoint: Endpoint): Promise<void> {
  switch (endpoint.kind) {
    case 'ministack':
      return stopMinistack(endpoint);
    case 'localstack':
      return stopLocalstack();
    case 'given':
      return;
  }
}
