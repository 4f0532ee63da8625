import type { FrameFunction } from '../../broker/apis.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { MalformedBytesError } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import { decodeAnswerEnvelope } from './answer-envelope.ts';
import type { Changes } from './changes.ts';
import { type EnvelopeAnswer, type EnvelopeFrame, encodeRequestEnvelope, FORMAT_WITH_ADVICE } from './envelope.ts';
import type { Transport, Trouble } from './transport.ts';
import type { TroubleLog } from './trouble-log.ts';

/** The dependencies of a tunnel's parts. */
export interface TunnelEnvironment {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly trouble: TroubleLog;
  readonly changes: Changes;
  /** The address that clients of a listener are given. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
}

/** The outcome of frames that were sent together. */
export type SendOutcome = { readonly kind: 'answers'; readonly answers: readonly EnvelopeAnswer[] } | Trouble;

/** Sends frames of one listener to a function. An unreadable answer leaves the outcome unknown. */
export async function sendFrames(
  { transport, advertised }: TunnelEnvironment,
  name: FrameFunction,
  listener: string,
  frames: readonly EnvelopeFrame[],
): Promise<SendOutcome> {
  const outcome = await transport.call(
    name,
    encodeRequestEnvelope({ listener, advertised: advertised(listener), frames, answers: FORMAT_WITH_ADVICE }),
  );
  if (outcome.kind !== 'answered') return outcome;
  try {
    return { kind: 'answers', answers: decodeAnswerEnvelope(outcome.body, frames.length) };
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    return { kind: 'unknown', message: `the answer cannot be read: ${error.message}` };
  }
}

const SIZE_BYTES = 4;

/** A response frame with its size prefix. The function counts the errors in it, not the gateway. */
export function answered(chunks: readonly Buffer[]): FrameOutcome {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeInt32BE(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  return { kind: 'answer', chunks: [size, ...chunks], errorCode: 0 };
}
