import { assert } from '../core/assert.ts';
import type { Api } from './api.ts';
import { DecodeError } from './errors.ts';
import { RequestHeader, RequestHeaderTags, ResponseHeader } from './messages/headers.ts';
import { Reader } from './reader.ts';
import {
  hasVersion,
  type Infer,
  type InferInput,
  readMessage,
  writeMessage,
  writeMessageParts,
} from './schema/message.ts';
import { Writer } from './writer.ts';

/** The length of a frame, in front of it; not counted in itself. */
export const SIZE_PREFIX_BYTES = 4;

/** The part of a request header that does not depend on the API and its version. */
export interface RequestHead {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null if the client gave no name. */
  readonly clientId: string | null;
}

/** A request frame with its head decoded. The body is not decoded yet. */
export interface RequestFrame {
  readonly kind: 'request';
  /** The frame without its size prefix. */
  readonly bytes: Buffer;
  readonly head: RequestHead;
  /** The offset in `bytes` of what follows the head. */
  readonly headBytes: number;
}

/** A frame whose head is cut off or invalid. */
export interface MalformedFrame {
  readonly kind: 'malformed';
  readonly bytes: Buffer;
  /** The numbers are -1 where the frame ends before them; the client id is null. */
  readonly head: RequestHead;
  readonly reason: string;
}

/**
 * A frame as a door hands it on: the door decodes the head, and everything behind the door reads it
 * from here.
 */
export type ReceivedFrame = RequestFrame | MalformedFrame;

/** What a server accepts of one API. */
export interface Accepted {
  readonly api: Api;
  /** The lowest version that it answers. */
  readonly min: number;
  /** The highest. */
  readonly max: number;
  /** How many elements the arrays of one request may have together. */
  readonly elementsMax: number;
}

/**
 * - `request`: decoded; `body` is the RequestBody of the API, with views into the frame for its
 *   byte fields; `elements` is how many elements its arrays have together.
 * - `unknownApi`: the server does not have the API.
 * - `unsupportedVersion`: the server has the API, and does not answer the version.
 * - `malformed`: cut off or invalid.
 */
export type RequestOutcome<A extends Accepted> =
  | {
      readonly kind: 'request';
      readonly accepted: A;
      readonly body: Infer<A['api']['request']>;
      readonly elements: number;
    }
  | { readonly kind: 'unknownApi' }
  | { readonly kind: 'unsupportedVersion'; readonly accepted: A }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Decodes the head of a request frame (without its size prefix), whatever its API and version.
 * Never throws.
 */
export function receiveFrame(bytes: Buffer): ReceivedFrame {
  try {
    const reader = new Reader(bytes);
    const { requestApiKey: apiKey, requestApiVersion: apiVersion, ...rest } = readMessage(RequestHeader, 1, reader);
    return { kind: 'request', bytes, head: { apiKey, apiVersion, ...rest }, headBytes: reader.offset };
  } catch (error) {
    const numberAt = (offset: number) => (bytes.length >= offset + 2 ? bytes.readInt16BE(offset) : -1);
    const correlationId = bytes.length >= 8 ? bytes.readInt32BE(4) : -1;
    const head = { apiKey: numberAt(0), apiVersion: numberAt(2), correlationId, clientId: null };
    return { kind: 'malformed', bytes, head, reason: reasonOf(error) };
  }
}

/**
 * Decodes the rest of a request. `find` tells what the server accepts of an API. Never throws for
 * what a frame may hold.
 */
export function decodeRequest<A extends Accepted>(
  frame: ReceivedFrame,
  find: (apiKey: number) => A | undefined,
): RequestOutcome<A> {
  if (frame.kind === 'malformed') return { kind: 'malformed', reason: frame.reason };
  const { apiKey, apiVersion: version } = frame.head;
  const accepted = find(apiKey);
  if (accepted === undefined) return { kind: 'unknownApi' };
  const { api, min, max, elementsMax } = accepted;
  if (version < min || version > max || !hasVersion(api.request, version)) {
    return { kind: 'unsupportedVersion', accepted };
  }
  const allowance = { elements: elementsMax, elementsMax };
  try {
    const reader = new Reader(frame.bytes, frame.headBytes, allowance);
    readMessage(RequestHeaderTags, api.requestHeaderVersion(version), reader);
    // Bytes behind the body are ignored, as in Kafka: librdkafka leaves three in Metadata 9 and
    // later for all topics.
    const body = readMessage(api.request as A['api']['request'], version, reader);
    return { kind: 'request', accepted, body, elements: elementsMax - allowance.elements };
  } catch (error) {
    return { kind: 'malformed', reason: reasonOf(error) };
  }
}

/** Why a frame cannot be decoded; throws what is not a DecodeError again. */
export function reasonOf(error: unknown): string {
  if (error instanceof DecodeError) return error.message;
  throw error;
}

/** Puts header and body into a frame, the size prefix in front. */
export function encodeFrame(write: (writer: Writer) => void): Buffer[] {
  const writer = new Writer();
  writer.int32(0);
  write(writer);
  return finishFrame(writer);
}

/** The chunks of a frame whose content is written, its size put in front. */
function finishFrame(writer: Writer): Buffer[] {
  const frameBytes = writer.length - SIZE_PREFIX_BYTES;
  const chunks = writer.finish();
  const first = chunks[0];
  assert(first !== undefined && first.length >= SIZE_PREFIX_BYTES, 'a frame begins with its size');
  first.writeInt32BE(frameBytes, 0);
  return chunks;
}

/**
 * A response frame with its size prefix, in chunks to be sent one after the other; large byte
 * fields are in it by reference. Throws EncodeError for a body that the version cannot carry.
 */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: InferInput<A['response']>,
): Buffer[] {
  return encodeFrame((writer) => {
    writeMessage(ResponseHeader, api.responseHeaderVersion(version), { correlationId }, writer);
    writeMessage(api.response, version, body, writer);
  });
}

/**
 * The same in parts, so that others can be served in between. Yields the bytes written so far;
 * returns the chunks.
 */
export function* encodeResponseParts<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: InferInput<A['response']>,
): Generator<number, Buffer[], undefined> {
  const writer = new Writer();
  writer.int32(0);
  writeMessage(ResponseHeader, api.responseHeaderVersion(version), { correlationId }, writer);
  const parts = writeMessageParts(api.response, version, body, writer);
  while (parts.next().done !== true) yield writer.length;
  return finishFrame(writer);
}
