import { cors } from 'hono/cors';
import { Hono } from 'hono/tiny';
import type { StatusCode } from 'hono/utils/http-status';
import * as v from 'valibot';
import type { Principal } from '../core/context.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { type Answer, isRefusal, type Refusal } from './answer.ts';
import { chunksOf, readJson, readText } from './body.ts';
import type { RestEnvironment } from './environment.ts';
import { refusedWith, storeUnavailable } from './errors.ts';
import { linksFrom } from './links.ts';
import { acceptedType, errorTypeOf, JSON_TYPE, mediaTypeOf } from './media-type.ts';
import type { AnyRoute, RestRequest } from './route.ts';
import { send } from './send.ts';

/** Who sends a request, and until when it has to be answered. */
export interface Caller {
  readonly principal: Principal;
  /** The address, without the port. */
  readonly host: string;
  /** By Clock.monotonic(); ms. Infinity: no deadline. */
  readonly deadline: number;
  /** Aborts when the client is gone or the process drains. */
  readonly signal: AbortSignal;
  /** Whether an answer goes out as a whole, when it has ended, as from most functions. */
  readonly answersWhole?: boolean;
  /** The address of the server as the client knows it. Default: that of the request's URL. */
  readonly baseUrl?: string;
  /** The body of a GET, which a Request cannot have: Confluent's v2 has one. */
  readonly body?: AsyncIterable<Uint8Array> | undefined;
}

export type RestHandler = (request: Request, caller: Caller) => Promise<Response>;

/** The client id of what REST does for its callers, as Confluent's proxy is one client of Kafka. */
const CLIENT_ID = 'rest-proxy';

type Env = { Bindings: { caller: Caller } };

/**
 * Serves the routes. Each request passes the same checks in the same order: media types, the size
 * and form of the body, the query, then rights; only then the handler runs. A failure is answered in
 * Confluent's form.
 */
export function restApp(rest: RestEnvironment, routes: readonly AnyRoute[]): RestHandler {
  // As Jersey does, and as the reference of v2 writes some of its paths: a slash at the end does not count.
  const app = new Hono<Env>({ strict: false });
  const { allowedOrigins } = rest.settings;
  if (allowedOrigins.length > 0) {
    app.use(
      cors({ origin: allowedOrigins.includes('*') ? '*' : [...allowedOrigins], exposeHeaders: ['ETag', 'Location'] }),
    );
  }
  const methods = new Map<string, Set<string>>();
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    methods.set(path, (methods.get(path) ?? new Set<string>()).add(route.method));
    app.on(route.method, path, (c) => {
      return serve(rest, route, c.req.raw, c.req.param() as Record<string, string>, c.env.caller);
    });
  }
  for (const [path, allowed] of methods) {
    app.all(path, async (c) => {
      const response = await fail(refusedWith(405), c.req.raw, c.req.path);
      response.headers.set('Allow', [...allowed].sort().join(', '));
      return response;
    });
  }
  app.notFound((c) => fail(refusedWith(404), c.req.raw, c.req.path));
  app.onError((error, c) => {
    if (error instanceof StoreUnavailableError) return fail(storeUnavailable(), c.req.raw, c.req.path);
    rest.logger.log('error', { event: 'rest_failed', path: c.req.path, message: error.stack ?? error.message });
    return fail(refusedWith(500, 'Internal Server Error'), c.req.raw, c.req.path);
  });
  return async (request, caller) => {
    // A Host header that is none.
    if (!URL.canParse(request.url)) return fail(refusedWith(400), request, '/');
    return app.fetch(request, { caller });
  };
}

async function serve(
  rest: RestEnvironment,
  route: AnyRoute,
  request: Request,
  parameters: Readonly<Record<string, string>>,
  caller: Caller,
): Promise<Response> {
  const answerType = acceptedType(request.headers.get('accept') ?? undefined, route.produces);
  const type = answerType ?? errorTypeOf(new URL(request.url).pathname);
  const finish = (answer: Answer) => {
    const isError = answer.kind === 'refused';
    const withETag = route.method === 'GET' && answerType === JSON_TYPE;
    return send(answer, { request, type: isError ? errorTypeOf(route.path) : type, withETag });
  };
  if (answerType === undefined) return finish(refusedWith(406));
  const chunks = caller.body ?? chunksOf(request);
  const checked = await check(rest, route, request, chunks);
  if (isRefusal(checked)) return finish(checked);
  const { body, query, text, contentType } = checked;
  const context = {
    principal: caller.principal,
    clientId: CLIENT_ID,
    host: caller.host,
    listener: rest.settings.listener,
    deadline: caller.deadline,
    signal: caller.signal,
  };
  const decisions = await rest.authorize(context, route.accesses({ parameters, body: body as never, rest }));
  const handled: RestRequest<string, never, never> = {
    parameters,
    query: query as never,
    body: body as never,
    text,
    chunks,
    contentType,
    answerType,
    header: (name) => request.headers.get(name) ?? undefined,
    context,
    decisions,
    answersWhole: caller.answersWhole === true,
    links: linksFrom(caller.baseUrl ?? new URL(request.url).origin),
  };
  return finish(await route.handle(rest, handled));
}

interface Checked {
  readonly body: unknown;
  readonly query: unknown;
  readonly text: string;
  readonly contentType: string | undefined;
}

async function check(
  rest: RestEnvironment,
  route: AnyRoute,
  request: Request,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Checked | Refusal> {
  const query = readQuery(route, new URL(request.url).searchParams);
  if (isRefusal(query)) return query;
  const { body } = route;
  const header = request.headers.get('content-type');
  const contentType = header === null ? undefined : mediaTypeOf(header);
  if (body === undefined) return { body: undefined, query: query.value, text: '', contentType: undefined };
  if (contentType !== undefined && !route.consumes.includes(contentType)) return refusedWith(415);
  if ((request.headers.get('content-encoding') ?? 'identity') !== 'identity') return refusedWith(415);
  if (body.kind === 'stream') {
    if (contentType === undefined && hasBody(request)) return refusedWith(415);
    return { body: undefined, query: query.value, text: '', contentType };
  }
  const text = await readText(request, chunks, rest.settings.requestBytesMax);
  if (isRefusal(text)) return text;
  if (contentType === undefined && text !== '') return refusedWith(415);
  const read = readJson(text, body.schema, body.isOptional === true);
  if (isRefusal(read)) return read;
  return { body: read.value, query: query.value, text, contentType: text === '' ? undefined : contentType };
}

function hasBody({ headers }: Request): boolean {
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
}

function readQuery(route: AnyRoute, given: URLSearchParams): { readonly value: unknown } | Refusal {
  if (route.query === undefined) return { value: {} };
  const checked = v.safeParse(route.query as v.GenericSchema, Object.fromEntries(given), { abortEarly: true });
  if (checked.success) return { value: checked.output };
  // Jersey answers a query parameter that it cannot convert as if there were no such path.
  return refusedWith(404);
}

function fail(
  refusal: Refusal & { readonly status: StatusCode | number },
  request: Request,
  path: string,
): Promise<Response> {
  return send(refusal, { request, type: errorTypeOf(path), withETag: false });
}
