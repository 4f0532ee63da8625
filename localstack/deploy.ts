import { addressOn } from './address.ts';
import { bootstrap, deployStacks, endpointEnvironment } from './cdk.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointError } from './endpoint-error.ts';
import { isMinistackAt, requireEndpoint } from './health.ts';

export interface DeployOptions {
  /** The prefix of the names of stacks and functions. Default: Tidelog. */
  readonly prefix?: string;
  /**
   * The entrance for requests: an HTTP API, a REST API, or a URL per function. Default: `http` on
   * MiniStack, `rest` elsewhere, since free versions of LocalStack have no HTTP APIs.
   */
  readonly api?: 'http' | 'rest' | 'url';
  /** A folder with one folder per function. Default: the package's own bundles. */
  readonly functions?: string;
  /** Receives the output of the CDK. Default: it is dropped. */
  readonly onOutput?: (text: string) => void;
}

/** A Tidelog on an endpoint. */
export interface Deployed {
  /** The value of `tidelog gateway --via`: the front door's address, or those of the functions. */
  readonly via: string;
  /** The base of the paths of REST. */
  readonly restUrl: string;
  /**
   * The functions are named `${functionPrefix}-produce` and so on; `--via lambda:${functionPrefix}`
   * invokes them.
   */
  readonly functionPrefix: string;
  readonly journalTable: string;
  readonly stateTable: string;
  readonly bucket: string;
  /** Variables with which any AWS SDK, and `tidelog gateway`, reach the endpoint. */
  readonly environment: Readonly<Record<string, string>>;
  /** False if nothing had to be changed. */
  readonly changed: boolean;
}

/** Endpoints that this process has bootstrapped for the CDK. */
const bootstrapped = new WeakSet<Endpoint>();

/**
 * Deploys Tidelog's stacks to a local endpoint with the CDK, or updates them; their data stays. It
 * never deploys to AWS: the endpoint must identify itself as LocalStack or MiniStack. Rejects with
 * EndpointError.
 */
export async function deployTo(endpoint: Endpoint, options: DeployOptions = {}): Promise<Deployed> {
  const { prefix = 'Tidelog', functions, onOutput } = options;
  await requireEndpoint(endpoint.url, 'Start one with startEndpoint, or with the command up.');
  const api = options.api ?? ((await isMinistackAt(endpoint.url)) ? 'http' : 'rest');
  if (!bootstrapped.has(endpoint)) {
    await bootstrap(endpoint.url, onOutput);
    bootstrapped.add(endpoint);
  }
  const stacks = { state: `${prefix}-State`, service: `${prefix}-Service` };
  const { outputs, changed } = await deployStacks({
    endpointUrl: endpoint.url,
    stacks: Object.values(stacks),
    context: { stage: 'local', prefix, api, ...(functions !== undefined && { functions }) },
    onOutput,
  });
  const output = (stack: string, name: string): string => {
    const value = outputs[stack]?.[name];
    if (value === undefined)
      throw new EndpointError(`The stack ${stack} has no output ${name}: it may be of another version.`);
    return value;
  };
  const urlOf = (name: string) => addressOn(endpoint.url, output(stacks.service, name));
  return {
    via: api === 'url' ? FUNCTION_URLS.map(([name, key]) => `${name}=${urlOf(key)}`).join(',') : urlOf('ApiUrl'),
    restUrl: urlOf('RestUrl'),
    functionPrefix: output(stacks.service, 'FunctionPrefix'),
    journalTable: output(stacks.state, 'JournalTableName'),
    stateTable: output(stacks.state, 'StateTableName'),
    bucket: output(stacks.state, 'BucketName'),
    environment: endpointEnvironment(endpoint.url),
    changed,
  };
}

const FUNCTION_URLS = [
  ['produce', 'ProduceUrl'],
  ['fetch', 'FetchUrl'],
  ['coordinate', 'CoordinateUrl'],
  ['admin', 'AdminUrl'],
] as const;
