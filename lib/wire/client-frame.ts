import type { Api } from './api.ts';
import { ApiKey, apis, type RequestInput, type ResponseBody } from './apis.ts';
import { encodeFrame, reasonOf } from './frame.ts';
import { RequestHeader, ResponseHeader } from './messages/headers.ts';
import { Reader } from './reader.ts';
import { type Message, readMessage, writeMessage } from './schema/message.ts';

// The client's side of frames: encodes requests, decodes responses.

export type ResponseOutcome<Key extends ApiKey> =
  | {
      readonly kind: 'response';
      readonly correlationId: number;
      readonly version: number;
      readonly body: ResponseBody<Key>;
    }
  | { readonly kind: 'malformed'; readonly reason: string };

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
 * Decodes a response frame (without its size prefix) to a request of that version. The answer to
 * ApiVersions has version 0 if the server does not know the requested version (KIP-511); `version`
 * is the one decoded.
 */
export function decodeResponse<Key extends ApiKey>(apiKey: Key, version: number, frame: Buffer): ResponseOutcome<Key> {
  const asked = decodeResponseAs(apiKey, version, frame);
  if (asked.kind === 'response' || apiKey !== ApiKey.ApiVersions || version === 0) return asked;
  const fallback = decodeResponseAs(apiKey, 0, frame);
  return fallback.kind === 'response' ? fallback : asked;
}

function decodeResponseAs<Key extends ApiKey>(apiKey: Key, version: number, frame: Buffer): ResponseOutcome<Key> {
  const api: Api = apis[apiKey];
  try {
    const reader = new Reader(frame);
    const { correlationId } = readMessage(ResponseHeader, api.responseHeaderVersion(version), reader);
    const body = readMessage<Message>(api.response, version, reader) as ResponseBody<Key>;
    reader.end();
    return { kind: 'response', correlationId, version, body };
  } catch (error) {
    return { kind: 'malformed', reason: reasonOf(error) };
  }
}
