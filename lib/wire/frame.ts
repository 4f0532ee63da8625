import { assert } from '../core/assert.ts';
import {
  type Api,
  ApiKey,
  apis,
  findApi,
  type RequestBody,
  type RequestInput,
  type ResponseBody,
  type ResponseInput,
} from './apis.ts';
import { DecodeError } from './errors.ts';
import { REQUEST_ELEMENTS_MAX } from './limits.ts';
import { RequestHeader, ResponseHeader } from './messages/headers.ts';
import { Reader } from './reader.ts';
import { hasVersion, type Message, readMessage, writeMessage, writeMessageParts } from './schema/message.ts';
import { Writer } from './writer.ts';

/** The length of a frame, in front of it; not counted in itself. */
export const SIZE_PREFIX_BYTES = 4;

/** Who asks for what. What frames of any API and version have in common. */
export interface FrameHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Null if the client gave no name. */
  readonly clientId: string | null;
}

export type HeaderOutcome =
  | { readonly kind: 'header'; readonly header: FrameHeader }
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * - `request`: decoded; `body` is a RequestBody of `api.key`, with views into the frame for its byte fields; `elements` is how
 *   many elements its arrays have together.
 * - `unknownApi`: the key has no schema here.
 * - `unsupportedVersion`: the API is known, the version has no schema or is not served.
 * - `malformed`: cut off or invalid; `header` if that could be read.
 */
export type RequestOutcome =
  | {
      readonly kind: 'request';
      readonly header: FrameHeader;
      readonly api: Api;
      readonly body: RequestBody<ApiKey>;
      readonly elements: number;
    }
  | { readonly kind: 'unknownApi'; readonly header: FrameHeader }
  | { readonly kind: 'unsupportedVersion'; readonly header: FrameHeader; readonly api: Api }
  | { readonly kind: 'malformed'; readonly reason: string; readonly header: FrameHeader | undefined };

export type ResponseOutcome<Key extends ApiKey> =
  | {
      readonly kind: 'response';
      readonly correlationId: number;
      readonly version: number;
      readonly body: ResponseBody<Key>;
    }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Whether a broker takes this version of an API. */
export type IsServed = (apiKey: ApiKey, version: number) => boolean;

const servesAll: IsServed = () => true;

/** How many elements the arrays of one request may have together, by its API. */
export type ElementsMax = (apiKey: ApiKey) => number;

const asManyAsAny: ElementsMax = () => REQUEST_ELEMENTS_MAX;

/** Runs a decoder; a DecodeError becomes `malformed`, anything else is a bug and passes. */
function attempt<T>(decode: () => T): T | { readonly kind: 'malformed'; readonly reason: string } {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}

/** The part that both header versions share; it is there whatever the API and its version are. */
function readFrameHeader(reader: Reader): FrameHeader {
  const header = readMessage(RequestHeader, 1, reader);
  return {
    apiKey: header.requestApiKey,
    apiVersion: header.requestApiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId,
  };
}

/** Reads the header of a request frame (without its size prefix), of any API and version. */
export function decodeRequestHeader(frame: Buffer): HeaderOutcome {
  return attempt<HeaderOutcome>(() => ({ kind: 'header', header: readFrameHeader(new Reader(frame)) }));
}

/**
 * Decodes a request frame (without its size prefix). `isServed` narrows down the versions that have a schema,
 * `elementsMax` the elements of a request. Never throws for what a frame may hold.
 */
export function decodeRequest(
  frame: Buffer,
  isServed: IsServed = servesAll,
  elementsMax: ElementsMax = asManyAsAny,
): RequestOutcome {
  const outcome = decodeRequestHeader(frame);
  if (outcome.kind === 'malformed') return { ...outcome, header: undefined };
  const { header } = outcome;
  const api = findApi(header.apiKey);
  if (api === undefined) return { kind: 'unknownApi', header };
  const version = header.apiVersion;
  if (!hasVersion(api.request, version) || !isServed(api.key, version)) {
    return { kind: 'unsupportedVersion', header, api };
  }
  const decoded = attempt(() => {
    const elements = elementsMax(api.key);
    const allowance = { elements, elementsMax: elements };
    const reader = new Reader(frame, 0, allowance);
    readMessage(RequestHeader, api.requestHeaderVersion(version), reader);
    // Bytes behind the body are passed over, as Kafka does: librdkafka leaves three in Metadata 9 and later for all topics.
    const body = readMessage(api.request, version, reader) as RequestBody<ApiKey>;
    return { kind: 'request' as const, header, api, body, elements: elements - allowance.elements };
  });
  return decoded.kind === 'malformed' ? { ...decoded, header } : decoded;
}

/** Puts header and body into a frame, the size prefix in front. */
function encodeFrame(write: (writer: Writer) => void): Buffer[] {
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
 * A response frame with its size prefix, in chunks to be sent one after the other; large byte fields are in it by
 * reference. Throws EncodeError for a body that the version cannot carry.
 */
export function encodeResponse<Key extends ApiKey>(
  apiKey: Key,
  version: number,
  correlationId: number,
  body: ResponseInput<Key>,
): Buffer[] {
  const api: Api = apis[apiKey];
  return encodeFrame((writer) => {
    writeMessage(ResponseHeader, api.responseHeaderVersion(version), { correlationId }, writer);
    writeMessage(api.response, version, body, writer);
  });
}

/** The same in parts, so that others can be served in between. Yields the bytes written so far; returns the chunks. */
export function* encodeResponseParts<Key extends ApiKey>(
  apiKey: Key,
  version: number,
  correlationId: number,
  body: ResponseInput<Key>,
): Generator<number, Buffer[], undefined> {
  const api: Api = apis[apiKey];
  const writer = new Writer();
  writer.int32(0);
  writeMessage(ResponseHeader, api.responseHeaderVersion(version), { correlationId }, writer);
  const parts = writeMessageParts(api.response, version, body, writer);
  while (parts.next().done !== true) yield writer.length;
  return finishFrame(writer);
}

/** A request frame with its size prefix. Throws EncodeError. */
export function encodeRequest<Key extends ApiKey>(
  apiKey: Key,
  version: number,
  correlationId: number,
  clientId: string | null,
  body: RequestInput<Key>,
): Buffer[] {
  const api: Api = apis[apiKey];
  const header = { requestApiKey: apiKey, requestApiVersion: version, correlationId, clientId };
  return encodeFrame((writer) => {
    writeMessage(RequestHeader, api.requestHeaderVersion(version), header, writer);
    writeMessage(api.request, version, body, writer);
  });
}

/**
 * Decodes a response frame (without its size prefix) to a request of that version. An answer to ApiVersions may come
 * in version 0, from a server that does not know the version asked for (KIP-511); `version` tells.
 */
export function decodeResponse<Key extends ApiKey>(apiKey: Key, version: number, frame: Buffer): ResponseOutcome<Key> {
  const asked = decodeResponseAs(apiKey, version, frame);
  if (asked.kind === 'response' || apiKey !== ApiKey.ApiVersions || version === 0) return asked;
  const fallback = decodeResponseAs(apiKey, 0, frame);
  return fallback.kind === 'response' ? fallback : asked;
}

function decodeResponseAs<Key extends ApiKey>(apiKey: Key, version: number, frame: Buffer): ResponseOutcome<Key> {
  const api: Api = apis[apiKey];
  return attempt<ResponseOutcome<Key>>(() => {
    const reader = new Reader(frame);
    const { correlationId } = readMessage(ResponseHeader, api.responseHeaderVersion(version), reader);
    const body = readMessage<Message>(api.response, version, reader) as ResponseBody<Key>;
    reader.end();
    return { kind: 'response', correlationId, version, body };
  });
}
