import { errorCode } from '../../core/errors.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';
import { SERVED } from '../served.ts';

/** What Kafka takes for a client's name or version (ApiVersionsRequest.isValid). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** ApiVersions, versions 0 to 4: needs no authorization, as it comes before anything else. */
export const apiVersions: Handler<typeof ApiKey.ApiVersions> = async (_broker, request, version) =>
  apiVersionsAnswer(request, version);

/** The answer to ApiVersions of a version that is served; it needs nothing but the table of what is served. */
export function apiVersionsAnswer(request: RequestBody<typeof ApiKey.ApiVersions>, version: number) {
  const named = SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion);
  if (version >= 3 && !named) return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] };
  return { errorCode: 0, apiKeys: advertisedKeys() };
}

/** The answer, in version 0, to a version that is not known here (KIP-511). */
export function unsupportedApiVersions() {
  return { errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys: advertisedKeys() };
}

function advertisedKeys() {
  return [...SERVED].map(([apiKey, { advertisedMin, max }]) => ({
    apiKey,
    minVersion: advertisedMin,
    maxVersion: max,
  }));
}
