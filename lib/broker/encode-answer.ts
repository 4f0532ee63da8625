import type { RequestContext } from '../core/context.ts';
import type { Api } from '../wire/api.ts';
import { ApiKey } from '../wire/api-key.ts';
import { encodeResponseParts, type RequestHead } from '../wire/frame.ts';
import type { InferInput, Message } from '../wire/schema/message.ts';
import { errorsIn } from './answer-errors.ts';
import type { ServedName } from './apis.ts';
import type { Broker } from './broker.ts';
import type { ServedApi } from './define-api.ts';
import type { FrameOutcome } from './frame-handler.ts';

/** Answers beyond this wait for room before they are made any larger: what is smaller fits beside everything else. */
const SMALL_ANSWER_BYTES = 1024 * 1024;

/**
 * The largest answer, other than to Fetch, whose bound is fetch.max.bytes: Metadata of two million partitions. Clients take
 * no more than 100 MB (librdkafka's receive.message.max.bytes).
 */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What is kept free for an answer that is being made: as much again goes to what it is made from and to garbage. */
const RESERVED_BYTES = 2 * ANSWER_BYTES_MAX;

/**
 * Puts an answer into its frame, in turns with other requests. Once it is known to be large, it waits for room for the
 * largest there is, so that answers that are being made cannot fill the memory together; what is larger than that is not made.
 */
export async function encodeAnswer(
  broker: Broker,
  { api, errorPaths }: Pick<ServedApi<ServedName, never>, 'api' | 'errorPaths'>,
  { apiVersion, correlationId }: RequestHead,
  answer: object,
  context: RequestContext,
): Promise<FrameOutcome> {
  const { observer, pace } = broker;
  if (observer !== undefined) {
    for (const error of errorsIn(answer, errorPaths)) {
      if (error === undefined) await pace.turn();
      else observer.answeredError(api.key, error);
    }
  }
  // A fetch has its room before it begins.
  const isBounded = api.key !== ApiKey.Fetch;
  const parts = encodeResponseParts<Api>(api, apiVersion, correlationId, answer as InferInput<Message>);
  let release: (() => void) | undefined;
  try {
    for (let part = parts.next(); ; part = parts.next()) {
      const bytes = part.done === true ? lengthOf(part.value) : part.value;
      if (isBounded && bytes > ANSWER_BYTES_MAX) {
        release?.();
        return { kind: 'close', reason: tooLarge(api.name) };
      }
      if (part.done === true) return { kind: 'answer', chunks: part.value, errorCode: topLevelError(answer), release };
      if (isBounded && bytes > SMALL_ANSWER_BYTES) release ??= await context.reserveAnswer?.(RESERVED_BYTES);
      await pace.turn();
    }
  } catch (error) {
    release?.();
    throw error;
  }
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function tooLarge(name: string): string {
  return `the answer to ${name} would have more than ${ANSWER_BYTES_MAX} bytes: name less in one request`;
}

/** The error of the whole answer, where its API has one. */
function topLevelError(answer: object): number {
  return 'errorCode' in answer && typeof answer.errorCode === 'number' ? answer.errorCode : 0;
}
