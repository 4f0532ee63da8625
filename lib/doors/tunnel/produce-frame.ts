import { type ErrorName, errorCode } from '../../core/errors.ts';
import { hasProducerId, readBatchHeader } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { ApiKey, type RequestBody } from '../../wire/apis.ts';
import { decodeRequest, decodeResponse, encodeResponse } from '../../wire/frame.ts';

type ProduceBody = RequestBody<typeof ApiKey.Produce>;

/** What the tunnel has to know of a Produce request. */
export interface ProduceFrame {
  readonly version: number;
  readonly correlationId: number;
  readonly body: ProduceBody;
  /**
   * Every batch carries a producer's sequence, so that a partition appends it once however often it comes. A request without
   * one may be sent once only.
   */
  readonly isRepeatable: boolean;
}

const NO_OFFSET = -1;

/** Errors after which a producer sends the same batch again; what it had sent behind it must not get in before. */
const TRANSIENT: ReadonlySet<number> = new Set([errorCode('REQUEST_TIMED_OUT'), errorCode('KAFKA_STORAGE_ERROR')]);

/** Decodes a Produce frame (without its size); the reason for one that cannot be. */
export function readProduceFrame(frame: Buffer): ProduceFrame | { readonly problem: string } {
  const outcome = decodeRequest(frame);
  if (outcome.kind === 'malformed') return { problem: `malformed request: ${outcome.reason}` };
  if (outcome.kind !== 'request') return { problem: `a Produce request of a version that is not served` };
  const body = outcome.body as ProduceBody;
  const { apiVersion: version, correlationId } = outcome.header;
  return { version, correlationId, body, isRepeatable: body.acks !== 0 && hasSequences(body) };
}

function hasSequences({ topicData }: ProduceBody): boolean {
  return topicData.every(({ partitionData }) =>
    partitionData.every(({ records }) => {
      if (records === null) return true;
      try {
        const header = readBatchHeader(records);
        return hasProducerId(header) && header.baseSequence >= 0;
      } catch (error) {
        if (error instanceof CorruptRecordError) return false;
        throw error;
      }
    }),
  );
}

/** An answer that refuses every partition of the request with an error. */
export function refusal({ version, correlationId, body }: ProduceFrame, error: ErrorName, message: string): Buffer[] {
  const refused = { errorCode: errorCode(error), baseOffset: NO_OFFSET, errorMessage: message, recordErrors: [] };
  const responses = body.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => ({ index, ...refused })),
  }));
  return encodeResponse(ApiKey.Produce, version, correlationId, { responses });
}

/** Whether an answer (without its size) tells the producer to send something again. */
export function asksToRepeat(answer: Buffer, version: number): boolean {
  const decoded = decodeResponse(ApiKey.Produce, version, answer);
  if (decoded.kind !== 'response') return false;
  return decoded.body.responses.some(({ partitionResponses }) =>
    partitionResponses.some((partition) => TRANSIENT.has(partition.errorCode)),
  );
}
