import type { LambdaEvent } from 'hono/aws-lambda';
import { ANONYMOUS } from '../../auth/principal.ts';
import type { Principal } from '../../core/context.ts';
import { principalOf, principalOfToken } from './identity.ts';
import { ANSWER_BYTES_MAX } from './limits.ts';
import { type Refusal, refused } from './refusal.ts';
import { fromBase64, isObject } from './shapes.ts';

/** The largest body of a request; bytes. Lambda takes no event with more than this in base64. */
export const REST_BODY_BYTES_MAX = ANSWER_BYTES_MAX;

/** A request of HTTP, and who sent it. */
export interface RestCall {
  readonly kind: 'request';
  /** What hono/aws-lambda reads; a GET has no body in it. */
  readonly event: LambdaEvent;
  readonly principal: Principal;
  /** The address of the client. */
  readonly host: string;
  /** What the client has in front of the paths, with the stage of a REST API. */
  readonly baseUrl: string;
  /** The body of a GET, which a Request cannot have. */
  readonly body: Buffer | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** What of an HTTP event depends on its payload's version. */
interface Shape {
  readonly method: string;
  /** The path behind the stage, as the routes have it. */
  readonly path: string;
  readonly host: unknown;
  /** What is in front of the path. */
  readonly prefix: string;
}

/** `answersHttp`: the caller is one of HTTP, also if the call is refused. */
export interface ReadRestEvent {
  readonly answersHttp: boolean;
  readonly call: RestCall | Refusal;
}

/**
 * Reads an HTTP event: API Gateway's payload 1.0 (REST APIs) or 2.0 (HTTP APIs, function URLs).
 * Refuses it without an identity: of IAM, or of a token that API Gateway has checked.
 *
 * @param anonymous whether events without an identity are accepted
 */
export function readRestEvent(event: unknown, anonymous: boolean): ReadRestEvent {
  const shape = isObject(event) && isObject(event.requestContext) ? shapeOf(event, event.requestContext) : undefined;
  if (shape === undefined) return { answersHttp: false, call: refused(400, NO_EVENT) };
  return { answersHttp: true, call: readRequest(event as Fields, shape, anonymous) };
}

const NO_EVENT = 'the event is not one of HTTP: of API Gateway (payload 1.0 or 2.0), or of a function URL';

function shapeOf(event: Fields, requestContext: Fields): Shape | undefined {
  const { http } = requestContext;
  if (isObject(http)) {
    const { method, sourceIp: host } = http;
    const path = event.rawPath;
    return typeof method === 'string' && typeof path === 'string' ? { method, path, host, prefix: '' } : undefined;
  }
  const { httpMethod: method, path } = event;
  if (typeof method !== 'string' || typeof path !== 'string') return undefined;
  const host = isObject(requestContext.identity) ? requestContext.identity.sourceIp : undefined;
  const whole = requestContext.path;
  const prefix = typeof whole === 'string' && whole.endsWith(path) ? whole.slice(0, -path.length) : '';
  return { method, path, host, prefix };
}

function readRequest(event: Fields, { method, host, prefix }: Shape, anonymous: boolean): RestCall | Refusal {
  const requestContext = event.requestContext as Fields;
  const principal =
    principalOf(requestContext) ?? principalOfToken(requestContext) ?? (anonymous ? ANONYMOUS : undefined);
  if (principal === undefined) {
    return refused(403, 'No identity came with the request: sign it (SigV4), or send a token where that is set up.');
  }
  const { body: text, ...others } = event;
  const body = typeof text === 'string' && text !== '' ? bytesOf(text, event.isBase64Encoded === true) : undefined;
  if (body === null) return refused(400, 'The body is not base64.');
  if ((body?.length ?? 0) > REST_BODY_BYTES_MAX) {
    return refused(413, `The body has ${body?.length} bytes. Through a function it may have ${REST_BODY_BYTES_MAX}.`);
  }
  return {
    kind: 'request',
    event: (method === 'GET' ? others : event) as unknown as LambdaEvent,
    principal,
    host: typeof host === 'string' ? host : '',
    baseUrl: `https://${String(requestContext.domainName)}${prefix}`,
    body: method === 'GET' ? body : undefined,
  };
}

function bytesOf(text: string, isBase64: boolean): Buffer | null {
  return isBase64 ? (fromBase64(text) ?? null) : Buffer.from(text);
}
