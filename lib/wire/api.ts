import { ApiKey, type ApiName } from './api-key.ts';
import type { Message } from './schema/message.ts';
import { includesVersion } from './schema/versions.ts';

/** One API: its messages, and which headers go with their versions. */
export interface Api<
  Name extends ApiName = ApiName,
  Request extends Message = Message,
  Response extends Message = Message,
> {
  readonly key: (typeof ApiKey)[Name];
  readonly name: Name;
  /** Both messages exist in the same versions. */
  readonly request: Request;
  readonly response: Response;
  requestHeaderVersion(version: number): 1 | 2;
  responseHeaderVersion(version: number): 0 | 1;
}

/** Joins the messages of an API. What a broker serves of their versions is declared in lib/broker/apis.ts. */
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
    // A client must be able to read the answer to ApiVersions before it knows what the server speaks (KIP-511).
    responseHeaderVersion: (version) =>
      key !== ApiKey.ApiVersions && includesVersion(response.flexible, version) ? 1 : 0,
  };
}
