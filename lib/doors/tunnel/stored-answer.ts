import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { answered } from './environment.ts';

/** The offset of the correlation id in a request, and in a response without its size. */
export const CORRELATION_AT = { request: 4, response: 0 };
export const CORRELATION_BYTES = 4;

/**
 * A response (without its size) to an earlier request, for a request that asks the same: with the
 * correlation id of this one.
 */
export function answeredAs(response: Buffer, correlationId: number): FrameOutcome {
  const copy = Buffer.from(response);
  copy.writeInt32BE(correlationId, CORRELATION_AT.response);
  return answered([copy]);
}
