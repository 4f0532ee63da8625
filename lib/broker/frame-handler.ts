import type { RequestContext } from '../core/context.ts';

/**
 * What became of one request frame.
 * - `answer`: the response frame, its 4-byte size included, as chunks to be written one after the other. `release`, where it is
 *   there, is called once the chunks were handed on or dropped: it gives back what `RequestContext.reserveAnswer` took.
 * - `none`: nothing is to be sent (a Produce with acks = 0 that went well).
 * - `close`: the connection is to be closed, as Kafka does with what it cannot parse; `reason` is for the log. `fault`: not the
 *   request's, but the store's silence, or a bug.
 */
export type FrameOutcome =
  | {
      readonly kind: 'answer';
      readonly chunks: readonly Buffer[];
      readonly errorCode: number;
      readonly release?: (() => void) | undefined;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'close'; readonly reason: string; readonly fault?: 'store' | 'bug' };

/** Handles one request frame (without its size prefix). Never rejects. */
export type FrameHandler = (frame: Buffer, context: RequestContext) => Promise<FrameOutcome>;

/** The same for requests that may be sent away (RequestContext.again): the frame is to come once more with the token. */
export type PatientFrameHandler = (
  frame: Buffer,
  context: RequestContext,
) => Promise<FrameOutcome | { readonly kind: 'again'; readonly token: string }>;
