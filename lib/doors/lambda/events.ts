import { ANONYMOUS, principalOfInvoke } from '../../auth/principal.ts';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import type { Principal } from '../../core/context.ts';
import { ENVELOPE_CONTENT_TYPE, FRAME_CONTENT_TYPE } from '../tunnel/envelope.ts';
import { principalOf } from './identity.ts';
import { BODY_TEXT_BYTES_MAX } from './limits.ts';
import { type Refusal, refused } from './refusal.ts';
import { fromBase64, isObject } from './shapes.ts';

/** How the call arrived: by HTTP or by a direct invoke. The channel decides the answer's shape. */
export type Channel = 'http' | 'invoke';

/** A decoded call: an envelope of frames, or a single frame. */
export interface FrameCall {
  readonly kind: 'frames' | 'frame';
  readonly body: Buffer;
  /** The caller of the function. */
  readonly principal: Principal;
}

export interface ReadEvent {
  readonly channel: Channel;
  readonly call: FrameCall | Refusal;
}

export interface EventRules {
  readonly name: FrameFunction;
  /** Whether HTTP events without an IAM identity are accepted. */
  readonly anonymous: boolean;
}

/** One HTTP request, from either payload version. */
interface HttpRequest {
  readonly method: unknown;
  readonly path: unknown;
  readonly contentType: string | undefined;
  readonly requestContext: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly isBase64Encoded: unknown;
}

type Event = Readonly<Record<string, unknown>>;

/**
 * Reads a Lambda event: API Gateway's payload 1.0 (also REST APIs), payload 2.0 (also function
 * URLs), or the JSON of a direct invoke.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function readEvent(event: unknown, rules: EventRules): ReadEvent {
  if (!isObject(event)) return { channel: 'invoke', call: refused(400, NO_EVENT) };
  if (typeof event.tidelog === 'string') return { channel: 'invoke', call: readInvoke(event) };
  const http = httpRequest(event);
  if (http === undefined) return { channel: 'invoke', call: refused(400, NO_EVENT) };
  return { channel: 'http', call: readHttp(http, rules) };
}

const NO_EVENT =
  'the event is none of: an HTTP event of API Gateway (payload 1.0 or 2.0) or a function URL, {"tidelog": "frames", "body": base64}, {"tidelog": "frame", "body": base64}';

function httpRequest(event: Event): HttpRequest | undefined {
  const { requestContext, body, isBase64Encoded } = event;
  if (!isObject(requestContext)) return undefined;
  const common = { requestContext, body, isBase64Encoded, contentType: contentTypeOf(event.headers) };
  if (isObject(requestContext.http)) {
    return { ...common, method: requestContext.http.method, path: event.rawPath };
  }
  if (typeof event.httpMethod !== 'string') return undefined;
  return { ...common, method: event.httpMethod, path: event.path };
}

function contentTypeOf(headers: unknown): string | undefined {
  if (!isObject(headers)) return undefined;
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return typeof found === 'string' ? found.split(';')[0]!.trim().toLowerCase() : undefined;
}

function readHttp(request: HttpRequest, { name, anonymous }: EventRules): FrameCall | Refusal {
  const elsewhere = checkPath(request.path, name);
  if (elsewhere !== undefined) return elsewhere;
  if (request.method !== 'POST') return refused(405, `POST is served, not ${String(request.method)}`);
  const principal = principalOf(request.requestContext) ?? (anonymous ? ANONYMOUS : undefined);
  if (principal === undefined) {
    return refused(
      403,
      'no IAM identity came with the request: sign it (SigV4), and have AWS_IAM authorization in front',
    );
  }
  const { contentType } = request;
  if (contentType !== ENVELOPE_CONTENT_TYPE && contentType !== FRAME_CONTENT_TYPE) {
    const allowed = `allowed are ${ENVELOPE_CONTENT_TYPE} and ${FRAME_CONTENT_TYPE}`;
    return refused(415, `the content type is ${contentType ?? 'missing'}; ${allowed}`);
  }
  if (request.isBase64Encoded !== true) {
    return refused(400, 'the body came as text, or not at all: what is in front has to hand it over as base64');
  }
  const kind = contentType === ENVELOPE_CONTENT_TYPE ? 'frames' : 'frame';
  return readBody(kind, request.body, principal);
}

/**
 * Undefined if the path is this function's: `/kafka/{function}`, after the stage if there is one.
 */
function checkPath(path: unknown, name: FrameFunction): Refusal | undefined {
  const [, asked] = /\/kafka\/([^/]*)\/?$/.exec(typeof path === 'string' ? path : '') ?? [];
  if (asked === name) return undefined;
  if (asked === undefined) return refused(404, `nothing is at this path; the function is at /kafka/${name}`);
  if (!FRAME_FUNCTIONS.includes(asked as FrameFunction)) {
    return refused(404, `there is no function of that name; there are ${FRAME_FUNCTIONS.join(', ')}`);
  }
  return refused(421, `this is the function ${name}, not ${asked}`);
}

function readInvoke(event: Event): FrameCall | Refusal {
  const { tidelog: kind, body } = event;
  if (kind !== 'frames' && kind !== 'frame') {
    return refused(400, `"tidelog" is ${JSON.stringify(kind)}; allowed are "frames" and "frame"`);
  }
  const principal = principalOfInvoke(event.principal);
  if (principal === undefined) return refused(400, '"principal" has to be "User:" and a name');
  return readBody(kind, body, principal);
}

function readBody(kind: FrameCall['kind'], text: unknown, principal: Principal): FrameCall | Refusal {
  if (typeof text !== 'string') return refused(400, 'there is no body');
  if (text.length > BODY_TEXT_BYTES_MAX) {
    return refused(413, `the body has ${text.length} bytes as base64, at most ${BODY_TEXT_BYTES_MAX} are taken`);
  }
  const body = fromBase64(text);
  return body === undefined ? refused(400, 'the body is not base64') : { kind, body, principal };
}
