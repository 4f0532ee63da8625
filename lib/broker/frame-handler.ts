import type { RequestContext } from '../core/context.ts';
import type { ReceivedFrame } from '../wire/frame.ts';

/**
 * The outcome of one request frame.
 * - `answer`: the response frame with its 4-byte size, as chunks to be written one after the other. `release`, if it is
 *   there, has to be called once the chunks were handed on or dropped: it gives back what `RequestContext.reserveAnswer` took.
 * - `none`: nothing is sent (a successful Produce with acks = 0).
 * - `close`: the connection is closed, as Kafka does for what it cannot parse; `reason` is for the log. `fault` says that the
 *   request is not the cause: the store does not answer, or there is a bug.
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

/** Handles one request frame, whose head the door has decoded. `context` is that of the head's client. Never rejects. */
export type FrameHandler = (frame: ReceivedFrame, context: RequestContext) => Promise<FrameOutcome>;

/** The same for requests that may be sent away (RequestContext.again): the frame is to come once more with the token. */
export type PatientFrameHandler = (
  frame: ReceivedFrame,
  context: RequestContext,
) => Promise<FrameOutcome | { readonly kind: 'again'; readonly token: string }>;
