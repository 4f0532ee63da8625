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

/**
 * Answers above this size wait for memory before they are encoded further. Smaller ones need no
 * reservation.
 */
const SMALL_ANSWER_BYTES = 1024 * 1024;

/**
 * The largest answer: Metadata of two million partitions. Fetch has its own bound, fetch.max.bytes.
 * Clients accept at most 100 MB (librdkafka's receive.message.max.bytes).
 */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Memory reserved for an answer while it is encoded: the answer, and as much again for its input
 * and garbage.
 */
const RESERVED_BYTES = 2 * ANSWER_BYTES_MAX;

/**
 * Encodes an answer into a frame, and yields to other requests between parts. A large answer first
 * reserves memory for the largest possible answer, so that concurrent answers cannot exhaust the
 * memory. An answer above the maximum closes the connection.
 */
export async function encodeAnswer(
  broker: Broker,
  { api, errorPaths }: Pick<ServedApi<ServedName, never>, 'api' | 'errorPaths'>,
  { apiVersion, correlationId }: RequestHead,
  answer: object,
  context: RequestContext,
): Promise<FrameOutcome> {
  const { observer, turns } = broker;
  if (observer !== undefined) {
    for (const error of errorsIn(answer, errorPaths)) {
      if (error === undefined) await turns.turn();
      else observer.answeredError(api.key, error);
    }
  }
  // A fetch reserves its memory before it starts.
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
      await turns.turn();
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

/** The error code of the whole answer, if the API has one. */
function topLevelError(answer: object): number {
  return 'errorCode' in answer && typeof answer.errorCode === 'number' ? answer.errorCode : 0;
}
