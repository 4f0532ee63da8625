import { haveDocker, startLocalstack, stopLocalstack } from './docker.ts';
import { EndpointError } from './endpoint-error.ts';
import { requireEndpoint } from './health.ts';
import { type Ministack, startMinistack, stopMinistack } from './ministack.ts';
import { findPython } from './python.ts';
import { workFolder } from './work-folder.ts';

/**
 * Something that answers as AWS does, on this machine. Plain data.
 *
 * - `ministack`: a process that `startEndpoint` started.
 * - `localstack`: a container that it started.
 * - `given`: the one that AWS_ENDPOINT_URL names, which somebody else starts and stops.
 */
export type Endpoint =
  | ({ readonly kind: 'ministack' } & Ministack)
  | { readonly kind: 'localstack'; readonly url: string }
  | { readonly kind: 'given'; readonly url: string };

export interface EndpointOptions {
  /** Default: the one in AWS_ENDPOINT_URL; else LocalStack where a Docker engine runs; else MiniStack. */
  readonly use?: 'localstack' | 'ministack';
  /** The port on 127.0.0.1, 0 for any free one. Default: 0. */
  readonly port?: number;
  /** Whether it goes on when this process has ended. Default: false; a container goes on in any case. */
  readonly outlives?: boolean;
}

/**
 * Brings up an endpoint, empty, on this machine only; where AWS_ENDPOINT_URL names one, checks that it answers.
 * Rejects with EndpointError, whose message says what is missing and what to do; nothing is left running then.
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

/** Ends an endpoint that `startEndpoint` started, with all that it holds. A given one is left as it is. */
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
