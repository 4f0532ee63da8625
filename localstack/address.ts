/** https://ID.execute-api.REGION.amazonaws.com/STAGE, with any region and domain. */
const API = /^https?:\/\/([a-z0-9]+)\.execute-api\.[^/]+(?:\/([^/]+))?\/?$/;

/** https://ID.lambda-url.REGION.on.aws/, the form of AWS. */
const FUNCTION_URL = /^https?:\/\/([a-z0-9-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws\/?$/;

/** The default stage of an HTTP API, which is not in its addresses. */
const DEFAULT_STAGE = '$default';

/**
 * The address on a local endpoint for an address in a stack's outputs. AWS's host names resolve to
 * AWS, and many machines do not resolve names below localhost. LocalStack and MiniStack also accept
 * APIs and function URLs by path. Other addresses are returned unchanged. No slash at the end.
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
