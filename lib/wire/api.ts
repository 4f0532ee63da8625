import { ApiKey, type ApiName } from './api-key.ts';
import type { Message } from './schema/message.ts';
import { includesVersion } from './schema/versions.ts';

/** One API: its messages, and the header version of each of their versions. */
export interface Api<
  Name extends ApiName = ApiName,
  Request extends Message = Message,
  Response extends Message = Message,
> {
  readonly key: (typeof ApiKey)[Name];
  readonly name: Name;
  /** The versions of both messages. */
  readonly request: Request;
  readonly response: Response;
  requestHeaderVersion(version: number): 1 | 2;
  responseHeaderVersion(version: number): 0 | 1;
}

/**
 * Joins the messages of an API. lib/broker/apis.ts declares which of their versions a broker
 * serves.
 */
export function api<Name extends ApiName, Request extends Message, Response extends Message>(
  name: Name,
  request: Request,
  response: Response,
): Api<Name, Request, Response> {
  const key = ApiKey[name];
  return {
    key,
    name,
    request,
    response,
    requestHeaderVersion: (version) => (includesVersion(request.flexible, version) ? 2 : 1),
    // A client must be able to read the answer to ApiVersions before it knows the broker's versions
    // (KIP-511).
    responseHeaderVersion: (version) =>
      key !== ApiKey.ApiVersions && includesVersion(response.flexible, version) ? 1 : 0,
  };
}
