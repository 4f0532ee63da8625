import type { RestAnswer } from '../../lib/doors/lambda/rest-function.ts';

/** A request of HTTP, as a client sends it. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export const ROLE_ARN = 'arn:aws:sts::123456789012:assumed-role/Orders/session-4711';
/** The principal of ROLE_ARN. */
export const ROLE = 'User:arn:aws:sts::123456789012:assumed-role/Orders';

const IAM = { accessKey: 'ASIA', accountId: '123456789012', callerId: 'AROA:session-4711', userArn: ROLE_ARN };
export const HOST = 'abc.execute-api.eu-central-1.amazonaws.com';

const bodyOf = (body: string | Buffer | undefined) =>
  body === undefined
    ? { body: null, isBase64Encoded: false }
    : { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };

const queryOf = (query: SentRequest['query']) => new URLSearchParams(query).toString();

/** Payload 2.0, as an HTTP API and a function URL have it. */
export function payload2({ method, path, query, headers = {}, body }: SentRequest, authorizer: object = { iam: IAM }) {
  return {
    version: '2.0',
    routeKey: 'ANY /v3/{proxy+}',
    rawPath: path,
    rawQueryString: queryOf(query),
    headers: { host: HOST, ...lowerCase(headers) },
    requestContext: {
      domainName: HOST,
      stage: '$default',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1' },
      authorizer,
    },
    ...bodyOf(body),
  };
}

/** Payload 1.0, as a REST API has it: the stage is in front of the path that the client sent. */
export function payload1({ method, path, query, headers = {}, body }: SentRequest) {
  const one = { Host: HOST, ...headers };
  return {
    resource: '/v3/{proxy+}',
    httpMethod: method,
    path,
    headers: one,
    multiValueHeaders: Object.fromEntries(Object.entries(one).map(([name, value]) => [name, [value]])),
    queryStringParameters: query ?? null,
    multiValueQueryStringParameters:
      query === undefined ? null : Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value]])),
    requestContext: {
      domainName: HOST,
      stage: 'kafka',
      path: `/kafka${path}`,
      identity: { sourceIp: '192.0.2.1', userArn: ROLE_ARN, caller: 'AROA:session-4711' },
    },
    ...bodyOf(body),
  };
}

/** An answer as the client gets it. */
export function receivedOf(answer: object) {
  const { statusCode, body, isBase64Encoded, headers, multiValueHeaders = {} } = answer as RestAnswer;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const firsts = Object.entries(multiValueHeaders).map(([name, values]) => [name, (values as string[])[0]!]);
  return {
    status: statusCode,
    headers: lowerCase((headers ?? Object.fromEntries(firsts)) as Record<string, string>),
    bytes,
    // biome-ignore lint/suspicious/noExplicitAny: each test knows the form of the answer that it asks for
    get json(): any {
      return bytes.length === 0 ? undefined : JSON.parse(bytes.toString());
    },
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
