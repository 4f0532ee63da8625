import { errorCode } from '../../core/errors.ts';
import { encodeResponse, type RequestHead } from '../../wire/frame.ts';
import { ApiVersions } from '../../wire/messages/18-api-versions.ts';
import type { Infer } from '../../wire/schema/message.ts';
import { defineApi } from '../define-api.ts';
import type { FrameOutcome } from '../frame-handler.ts';
import { SERVED } from '../served.ts';

/** The client names and versions that Kafka accepts (ApiVersionsRequest.isValid). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/**
 * ApiVersions, versions 0 to 4. Needs no authorization: clients send it before they authenticate.
 */
export const apiVersions = defineApi(ApiVersions, async (_broker, request, version) =>
  apiVersionsAnswer(request, version),
);

/** The answer to ApiVersions in a served version. The tunnel uses it too. */
export function apiVersionsAnswer(request: Infer<typeof ApiVersions.request>, version: number) {
  const named = SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion);
  if (version >= 3 && !named) return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] };
  return { errorCode: 0, apiKeys: advertisedKeys() };
}

/** The answer, in version 0, to a version that is not served (KIP-511). */
export function unsupportedApiVersions({ correlationId }: RequestHead): FrameOutcome {
  const error = errorCode('UNSUPPORTED_VERSION');
  const chunks = encodeResponse(ApiVersions, 0, correlationId, { errorCode: error, apiKeys: advertisedKeys() });
  return { kind: 'answer', chunks, errorCode: error };
}

function advertisedKeys() {
  return [...SERVED].map(([apiKey, { advertisedMin, max }]) => ({
    apiKey,
    minVersion: advertisedMin,
    maxVersion: max,
  }));
}
