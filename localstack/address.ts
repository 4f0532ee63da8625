/** https://ID.execute-api.REGION.amazonaws.com/STAGE, whatever stands for region and domain. */
const API = /^https?:\/\/([a-z0-9]+)\.execute-api\.[^/]+(?:\/([^/]+))?\/?$/;

/** https://ID.lambda-url.REGION.on.aws/, the name that AWS would give. */
const FUNCTION_URL = /^https?:\/\/([a-z0-9-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws\/?$/;

/** The stage of an HTTP API, which its addresses leave out. */
const DEFAULT_STAGE = '$default';

/**
 * Where what a stack calls `address` is reached on an endpoint of this machine: names of AWS lead to AWS, and many machines
 * do not resolve those below localhost. LocalStack and MiniStack take APIs and function URLs by path, too. Anything else is
 * left as it is. No slash at the end.
 */
export function addressOn(endpointUrl: string, address: string): string {
  const base = withoutSlash(endpointUrl);
  const api = API.exec(address);
  if (api !== null) return `${base}/_aws/execute-api/${api[1]}/${api[2] ?? DEFAULT_STAGE}`;
  const functionUrl = FUNCTION_URL.exec(address);
  if (functionUrl !== null) return `${base}/_aws/lambda-url/${functionUrl[1]}`;
  return withoutSlash(address);
}

function withoutSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}
