import type { RequestContext } from '../core/context.ts';
import type { ReceivedFrame } from '../wire/frame.ts';

/**
 * The outcome of one request frame.
 * - `answer`: the response frame with its 4-byte size, as chunks to write in order. If `release` is
 *   set, it has to be called once the chunks were handed over or dropped: it returns what
 *   `RequestContext.reserveAnswer` took.
 * - `none`: nothing is sent (a successful Produce with acks = 0).
 * - `close`: the connection is closed, as Kafka does for requests that it cannot parse; `reason` is
 *   for the log. `fault` means that the request is not the cause: the store does not answer, or
 *   there is a bug.
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

/**
 * Handles one request frame, whose header the door has decoded. `context` belongs to that header's
 * client. Never rejects.
 */
export type FrameHandler = (frame: ReceivedFrame, context: RequestContext) => Promise<FrameOutcome>;

/**
 * The same, with the additional outcome `again`: the frame has to be sent again with the token
 * (RequestContext.again). `chunks`: the response frame for a client that waits no longer.
 */
export type PatientFrameHandler = (
  frame: ReceivedFrame,
  context: RequestContext,
) => Promise<
  FrameOutcome | { readonly kind: 'again'; readonly token: string; readonly chunks?: readonly Buffer[] | undefined }
>;
