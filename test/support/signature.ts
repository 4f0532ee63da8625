import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Keys that a stand-in knows, by access key id. */
export type SecretKeys = ReadonlyMap<string, string>;

/** How far the time of a signature may be off; AWS allows 5 minutes. */
const SKEW_MS_MAX = 5 * 60 * 1000;

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/**
 * Checks the Signature Version 4 of a request by the rules of the AWS page "Create a signed AWS API request", written
 * against that page and not against the SDK. What is wrong with it, in the words that AWS uses; undefined if nothing is.
 */
export function signatureProblem(
  request: IncomingMessage,
  body: Buffer,
  scope: { readonly region: string; readonly service: string },
  keys: SecretKeys,
  now = Date.now(),
): string | undefined {
  const { authorization = '' } = request.headers;
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null) return 'Missing Authentication Token';
  const [, accessKeyId, date, region, service, signedHeaders, signature] = match as unknown as string[];
  const secret = keys.get(accessKeyId!);
  if (secret === undefined) return 'The security token included in the request is invalid.';
  if (region !== scope.region || service !== scope.service) {
    return `Credential should be scoped to ${scope.region}/${scope.service}, not ${region}/${service}.`;
  }
  const time = String(request.headers['x-amz-date']);
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!(Math.abs(signedAt - now) <= SKEW_MS_MAX)) return `Signature expired: ${time} is not within 5 minutes of now`;
  const names = signedHeaders!.split(';');
  for (const needed of ['host', 'x-amz-date']) if (!names.includes(needed)) return `${needed} is not signed`;
  const url = new URL(request.url!, 'http://stand-in');
  const canonical = [
    request.method,
    // Each part of the path is encoded once more for every service but S3.
    url.pathname.split('/').map(encodeURIComponent).join('/'),
    '',
    ...names.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, `${date}/${region}/${service}/aws4_request`, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date!), region!), service!), 'aws4_request');
  const expected = createHmac('sha256', key).update(toSign).digest('hex');
  return expected === signature
    ? undefined
    : 'The request signature we calculated does not match the signature you provided.';
}
