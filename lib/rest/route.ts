import type * as v from 'valibot';
import type { Access, Decisions } from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import type { Answer } from './answer.ts';
import type { RestEnvironment } from './environment.ts';
import type { Links } from './links.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The names in braces of a path: `{topic_name}`. */
type ParameterOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterOf<Rest>
  : never;

export type Parameters<Path extends string> = Readonly<Record<ParameterOf<Path>, string>>;

type Schema = v.GenericSchema<unknown, unknown>;

/**
 * How a route takes its body.
 * - `json`: as a whole, of this schema. Without `optional` an empty one is refused.
 * - `stream`: as it comes.
 */
export type BodyDefinition<Body> =
  | { readonly kind: 'json'; readonly schema: v.GenericSchema<unknown, Body>; readonly isOptional?: boolean }
  | { readonly kind: 'stream'; readonly schema: Schema };

/** A request that has passed the checks of its route. */
export interface RestRequest<Path extends string, Body, Query> {
  readonly parameters: Parameters<Path>;
  readonly query: Query;
  readonly body: Body;
  /** The body as it was sent; empty for a stream. */
  readonly text: string;
  /** The body of a route that streams. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The media type of the body; undefined without a body. */
  readonly contentType: string | undefined;
  /** The media type of the answer. */
  readonly answerType: string;
  readonly header: (name: string) => string | undefined;
  readonly context: RequestContext;
  /** The decisions on what `accesses` named. */
  readonly decisions: Decisions;
  /** An answer goes out as a whole, when it has ended. */
  readonly answersWhole: boolean;
  readonly links: Links;
}

/** One route: method and path with all that the checks, the handler and the document need. */
export interface Route<Path extends string = string, Body = unknown, Query = unknown> {
  readonly method: Method;
  readonly path: Path;
  readonly summary: string;
  readonly tag: string;
  readonly query?: v.GenericSchema<unknown, Query>;
  readonly body?: BodyDefinition<Body>;
  /** Media types of the body. */
  readonly consumes: readonly string[];
  /** Media types of the answer, the preferred one first. */
  readonly produces: readonly string[];
  readonly success: { readonly status: number; readonly schema?: Schema };
  /** The rights that the request may need. Asked before anything is looked up. */
  accesses(request: {
    readonly parameters: Parameters<Path>;
    readonly body: Body;
    readonly rest: RestEnvironment;
  }): readonly Access[];
  handle(rest: RestEnvironment, request: RestRequest<Path, Body, Query>): Promise<Answer>;
}

/** A route of any path. */
export type AnyRoute = Route<string, never, never>;

/** A route whose types follow from its path and its schemas. */
export function defineRoute<const Path extends string, Body = undefined, Query = unknown>(
  route: Route<Path, Body, Query>,
): AnyRoute {
  return route as unknown as AnyRoute;
}
