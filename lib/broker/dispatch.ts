import type { RequestContext } from '../core/context.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { ApiKey } from '../wire/api-key.ts';
import { decodeRequest, type ReceivedFrame } from '../wire/frame.ts';
import { unsupportedApiVersions } from './api/18-api-versions.ts';
import type { ServedName } from './apis.ts';
import { AskAgain, type Broker, CloseConnection, NO_ANSWER } from './broker.ts';
import type { ServedApi } from './define-api.ts';
import { encodeAnswer } from './encode-answer.ts';
import type { FrameHandler, FrameOutcome, PatientFrameHandler } from './frame-handler.ts';
import { notServed } from './served.ts';
import { SMALL_ELEMENTS_MAX, WorkBudget } from './work-budget.ts';

/** The APIs that a process serves: those of one function, or all. */
export type ServedApis<B> = Readonly<Record<string, ServedApi<ServedName, B>>>;

/** Decodes, dispatches and encodes requests for a door that waits for every answer. */
export function frameHandler<B extends Broker>(broker: B, apis: ServedApis<B>): FrameHandler {
  // The outcome `again` needs a context with `again`.
  return patientFrameHandler(broker, apis) as FrameHandler;
}

/** The same for a door that accepts the outcome `again`. */
export function patientFrameHandler<B extends Broker>(broker: B, apis: ServedApis<B>): PatientFrameHandler {
  const byKey = new Map<number, ServedApi<ServedName, B>>(
    Object.values(apis).map((served) => [served.api.key, served]),
  );
  const find = (apiKey: number) => byKey.get(apiKey);
  const budget = new WorkBudget();
  return async (frame, context) => {
    const elements = elementsAtMost(frame, find(frame.head.apiKey));
    if (elements <= SMALL_ELEMENTS_MAX) return serve(broker, find, frame, context);
    const room = budget.take(elements);
    if (room !== undefined) await room;
    let held = elements;
    const named = (count: number) => {
      budget.release(held - count);
      held = count;
    };
    try {
      return await serve(broker, find, frame, context, named);
    } finally {
      budget.release(held);
    }
  };
}

/**
 * The most elements that a request can have, at one byte or more each; 0 if it is exempt from the
 * budget. Requests that keep an order are exempt, since waiting could change the order. Requests
 * that wait for others are exempt, since they would hold their share while they wait.
 */
function elementsAtMost(
  { bytes }: ReceivedFrame,
  row: Pick<ServedApi, 'elementsMax' | 'progress'> | undefined,
): number {
  if (row === undefined || row.progress !== undefined || bytes.length <= SMALL_ELEMENTS_MAX) return 0;
  return Math.min(bytes.length, row.elementsMax);
}

async function serve<B extends Broker>(
  broker: B,
  find: (apiKey: number) => ServedApi<ServedName, B> | undefined,
  frame: ReceivedFrame,
  context: RequestContext,
  named?: (elements: number) => void,
): ReturnType<PatientFrameHandler> {
  const { head } = frame;
  const outcome = decodeRequest(frame, find);
  switch (outcome.kind) {
    case 'malformed':
      return { kind: 'close', reason: `malformed request: ${outcome.reason}` };
    case 'unknownApi':
      return { kind: 'close', reason: notServed(head.apiKey, head.apiVersion) };
    case 'unsupportedVersion': {
      if (head.apiKey === ApiKey.ApiVersions) return unsupportedApiVersions(head);
      return { kind: 'close', reason: notServed(head.apiKey, head.apiVersion) };
    }
    case 'request': {
      const { accepted, body } = outcome;
      named?.(outcome.elements);
      try {
        const answer = await accepted.handler(broker, body, head.apiVersion, context);
        if (answer === NO_ANSWER) return { kind: 'none' };
        if (answer instanceof CloseConnection) return { kind: 'close', reason: answer.reason };
        if (!(answer instanceof AskAgain)) return await encodeAnswer(broker, accepted, head, answer, context);
        const { token, answer: unless } = answer;
        const encoded = unless && (await encodeAnswer(broker, accepted, head, unless, context));
        return { kind: 'again', token, chunks: encoded?.kind === 'answer' ? encoded.chunks : undefined };
      } catch (error) {
        return failure(broker, head.apiKey, error);
      }
    }
  }
}

function failure(broker: Broker, apiKey: number, error: unknown): FrameOutcome {
  if (error instanceof StoreUnavailableError) {
    return { kind: 'close', reason: `the store does not answer: ${error.message}`, fault: 'store' };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  broker.logger.log('error', { event: 'handler_failed', apiKey, message });
  return { kind: 'close', reason: 'an internal error, logged as handler_failed', fault: 'bug' };
}
