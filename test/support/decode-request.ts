import type { Api } from '../../lib/wire/api.ts';
import { type ApiKey, findApi, type RequestBody } from '../../lib/wire/apis.ts';
import { decodeRequest as decodeReceived, type RequestHead, receiveFrame } from '../../lib/wire/frame.ts';

export type DecodedRequest =
  | { readonly kind: 'request'; readonly header: RequestHead; readonly api: Api; readonly body: RequestBody<ApiKey> }
  | { readonly kind: 'unknownApi'; readonly header: RequestHead }
  | { readonly kind: 'unsupportedVersion'; readonly header: RequestHead; readonly api: Api }
  | { readonly kind: 'malformed'; readonly reason: string };

/** More than any request of a test has. */
const ELEMENTS_MAX = 500_000;

/** Decodes a request frame (without its size) by any schema there is, up to a version. */
export function decodeRequest(bytes: Buffer, max: (apiKey: ApiKey) => number = () => 0x7fff): DecodedRequest {
  const frame = receiveFrame(bytes);
  const outcome = decodeReceived(frame, (apiKey) => {
    const api = findApi(apiKey);
    return api && { api, min: 0, max: max(api.key), elementsMax: ELEMENTS_MAX };
  });
  const header = frame.head;
  switch (outcome.kind) {
    case 'malformed':
      return outcome;
    case 'unknownApi':
      return { kind: outcome.kind, header };
    case 'unsupportedVersion':
      return { kind: outcome.kind, header, api: outcome.accepted.api };
    case 'request':
      return { kind: outcome.kind, header, api: outcome.accepted.api, body: outcome.body as RequestBody<ApiKey> };
  }
}
