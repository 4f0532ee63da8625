import { decodeAnswerEnvelope } from '../../lib/doors/tunnel/answer-envelope.ts';
import { type EnvelopeAnswer, type EnvelopeFrame, encodeRequestEnvelope } from '../../lib/doors/tunnel/envelope.ts';
import type { ApiKey, RequestInput, ResponseBody } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { SIZE_PREFIX_BYTES } from '../../lib/wire/frame.ts';

/** What gateways of these tests tell their clients. */
export const TUNNEL_ADDRESS = { host: 'tunnel.example', port: 19_092 };

const CORRELATION_ID = 7;

/** A request frame without its size. */
export function frameOf<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Buffer {
  return Buffer.concat(encodeRequest(apiKey, version, CORRELATION_ID, 'test', body)).subarray(SIZE_PREFIX_BYTES);
}

/** A frame of an envelope, with a token where it is sent once more. */
type Sent = Buffer | Pick<EnvelopeFrame, 'frame' | 'token'>;

/** Frames in an envelope, as base64. */
export function envelopeOf(...frames: Sent[]): string {
  const given = frames.map((one) => ({ host: '10.0.0.1', ...(Buffer.isBuffer(one) ? { frame: one } : one) }));
  return encodeRequestEnvelope({ listener: 'PLAINTEXT', advertised: TUNNEL_ADDRESS, frames: given }).toString('base64');
}

/** A direct invoke with an envelope of frames. */
export function invokeOf(...frames: Sent[]) {
  return { tidelog: 'frames', body: envelopeOf(...frames) };
}

/** A direct invoke with one frame. */
export function invokeFrame(frame: Buffer) {
  return { tidelog: 'frame', body: frame.toString('base64') };
}

/** What the function said to each frame of an envelope. Throws for an error of the whole call. */
export function answersIn(answer: object, count: number): readonly EnvelopeAnswer[] {
  return decodeAnswerEnvelope(bodyOf(answer), count);
}

/** The decoded response in an answer that carries one. */
export function responseIn<Key extends ApiKey>(apiKey: Key, version: number, bytes: Buffer): ResponseBody<Key> {
  const decoded = decodeResponse(apiKey, version, bytes);
  if (decoded.kind !== 'response') throw new Error(decoded.reason);
  if (decoded.correlationId !== CORRELATION_ID) throw new Error(`answer ${decoded.correlationId}`);
  return decoded.body;
}

/** The same out of an envelope's answer. */
export function responseOf<Key extends ApiKey>(apiKey: Key, version: number, answer: EnvelopeAnswer | undefined) {
  if (answer?.kind !== 'answer') throw new Error(`no answer: ${JSON.stringify(answer)}`);
  return responseIn(apiKey, version, Buffer.concat(answer.chunks));
}

/** The bytes in an answer by either channel. Throws for an error. */
export function bodyOf(answer: object): Buffer {
  const { body, statusCode } = answer as { readonly body?: string; readonly statusCode?: number };
  if (body === undefined || (statusCode !== undefined && statusCode !== 200)) throw new Error(JSON.stringify(answer));
  return Buffer.from(body, 'base64');
}
