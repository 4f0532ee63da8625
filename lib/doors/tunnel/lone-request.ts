import { vouchedFor } from '../../auth/principal.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import { rowOf } from '../../broker/served.ts';
import type { RequestContext } from '../../core/context.ts';
import type { RequestFrame } from '../../wire/frame.ts';
import { answered } from './environment.ts';
import type { FrameToSend, FunctionCalls } from './function-calls.ts';

/**
 * Sends a request that neither waits nor is merged with others: one call for each, until it has its
 * answer.
 */
export async function sendAlone(
  calls: FunctionCalls,
  request: RequestFrame,
  context: RequestContext,
): Promise<FrameOutcome> {
  const [answer] = await calls.carry(functionOf(request.head.apiKey), [frameToSend(request, context)]);
  if (answer!.kind === 'answer') return answered(answer!.chunks);
  if (answer!.kind !== 'again') return answer!;
  return { kind: 'close', reason: `the function answered API key ${request.head.apiKey} with \`again\`` };
}

/** A client's request as it is sent to a function. */
export function frameToSend({ bytes: frame, head }: RequestFrame, context: RequestContext): FrameToSend {
  const { host, listener, signal } = context;
  const isRepeatable = rowOf(head.apiKey)?.isRepeatable === true;
  return { frame, host, listener, signal, isRepeatable, principal: vouchedFor(context.principal) };
}
