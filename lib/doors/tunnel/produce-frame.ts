import { APIS } from '../../broker/apis.ts';
import { notServed } from '../../broker/served.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { hasProducerId, readBatchHeader } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { ApiKey } from '../../wire/api-key.ts';
import { decodeResponse } from '../../wire/client-frame.ts';
import { decodeRequest, encodeResponse, type RequestFrame } from '../../wire/frame.ts';
import { Produce } from '../../wire/messages/00-produce.ts';
import type { Infer } from '../../wire/schema/message.ts';

type ProduceBody = Infer<typeof Produce.request>;

/** What the tunnel needs to know of a Produce request. */
export interface ProduceFrame {
  readonly version: number;
  readonly correlationId: number;
  readonly body: ProduceBody;
  /**
   * Every batch carries a producer's sequence, so that a partition appends it only once however
   * often it arrives. A request without sequences may be sent only once.
   */
  readonly isRepeatable: boolean;
}

const NO_OFFSET = -1;

/**
 * Errors after which a producer resends the same batch. Batches that it sent later must not be
 * appended first.
 */
const TRANSIENT: ReadonlySet<number> = new Set([errorCode('REQUEST_TIMED_OUT'), errorCode('KAFKA_STORAGE_ERROR')]);

/**
 * Decodes a Produce request of a served version, or returns the reason why it cannot be decoded.
 */
export function readProduceFrame(frame: RequestFrame): ProduceFrame | { readonly problem: string } {
  const outcome = decodeRequest(frame, () => ({ api: Produce, ...APIS.Produce }));
  if (outcome.kind === 'malformed') return { problem: `malformed request: ${outcome.reason}` };
  const { apiVersion: version, correlationId } = frame.head;
  if (outcome.kind !== 'request') return { problem: notServed(ApiKey.Produce, version) };
  const { body } = outcome;
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

/** An answer that refuses every partition of the request with one error. */
export function refusal({ version, correlationId, body }: ProduceFrame, error: ErrorName, message: string): Buffer[] {
  const refused = { errorCode: errorCode(error), baseOffset: NO_OFFSET, errorMessage: message, recordErrors: [] };
  const responses = body.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => ({ index, ...refused })),
  }));
  return encodeResponse(Produce, version, correlationId, { responses });
}

/** Whether an answer (without its size) makes the producer resend a batch. */
export function asksToRepeat(answer: Buffer, version: number): boolean {
  const decoded = decodeResponse(ApiKey.Produce, version, answer);
  if (decoded.kind !== 'response') return false;
  return decoded.body.responses.some(({ partitionResponses }) =>
    partitionResponses.some((partition) => TRANSIENT.has(partition.errorCode)),
  );
}
