import type { RequestContext } from '../core/context.ts';
import type { Api } from '../wire/api.ts';
import type { Accepted } from '../wire/frame.ts';
import type { Infer, InferInput, Message } from '../wire/schema/message.ts';
import { type ErrorPath, errorPathsOf } from './answer-errors.ts';
import { APIS, type ApiRow, type FrameFunction, type ServedBy, type ServedName } from './apis.ts';
import type { AskAgain, Broker, CloseConnection, NO_ANSWER } from './broker.ts';

/** What a handler may return in place of an answer. */
type NoAnswer = typeof NO_ANSWER | CloseConnection | AskAgain;

/**
 * Serves all versions of one API. Never throws because of a client's input. Throws
 * StoreUnavailableError if the answer has no field for an error of the store.
 */
type Handler<Request, Answer, B> = (
  broker: B,
  request: Request,
  version: number,
  context: RequestContext,
) => Promise<Answer | NoAnswer>;

/**
 * A served API: its row in the table, its messages, its handler. `B` is the broker that the handler
 * needs.
 */
export interface ServedApi<out Name extends ServedName = ServedName, in B = Broker> extends ApiRow, Accepted {
  readonly api: Api<Name>;
  /** The paths of the answer's error codes. */
  readonly errorPaths: readonly ErrorPath[];
  readonly handler: Handler<Infer<Message>, object, B>;
}

/** All APIs of a function, each with its handler. */
export type ApisOf<F extends FrameFunction, B = Broker> = { readonly [Name in ServedBy<F>]: ServedApi<Name, B> };

/** Joins the row of an API (lib/broker/apis.ts), its messages and its handler. */
export function defineApi<
  Name extends ServedName,
  Request extends Message,
  Response extends Message,
  B extends Broker = Broker,
>(api: Api<Name, Request, Response>, handler: Handler<Infer<Request>, InferInput<Response>, B>): ServedApi<Name, B> {
  const row: ApiRow = APIS[api.name];
  return {
    ...row,
    api,
    errorPaths: errorPathsOf(api.response.fields),
    // The dispatcher passes what `api` decoded, and encodes the result with `api`.
    handler: handler as unknown as ServedApi<Name, B>['handler'],
  };
}
