import type { FinalizedLevel } from '../../cluster/transaction-feature.ts';
import { errorCode } from '../../core/errors.ts';
import { encodeResponse, type RequestHead } from '../../wire/frame.ts';
import { ApiVersions } from '../../wire/messages/18-api-versions.ts';
import type { Infer } from '../../wire/schema/message.ts';
import { defineApi } from '../define-api.ts';
import type { FrameOutcome } from '../frame-handler.ts';
import { SERVED } from '../served.ts';

/** The client names and versions that Kafka accepts (ApiVersionsRequest.isValid). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export const TRANSACTION_VERSION = 'transaction.version';
export const TRANSACTION_VERSION_MAX = 2;
const FIRST_WITH_MINIMUM_0 = 4;

/**
 * ApiVersions, versions 0 to 4. Needs no authorization: clients send it before they authenticate.
 */
export const apiVersions = defineApi(ApiVersions, async ({ transactionFeature }, request, version) =>
  apiVersionsAnswer(request, version, await transactionFeature.finalized()),
);

/**
 * The answer to ApiVersions in a served version. The tunnel uses it too.
 *
 * @param transactionVersion the level of the feature transaction.version, and the epoch of the features
 */
export function apiVersionsAnswer(
  request: Infer<typeof ApiVersions.request>,
  version: number,
  transactionVersion: FinalizedLevel,
) {
  const named = SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion);
  if (version >= 3 && !named) return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] };
  return { errorCode: 0, apiKeys: advertisedKeys(), ...features(version, transactionVersion) };
}

/**
 * Producers use version 2 of transactions if the level is 2 (KIP-890). They take a new level over if
 * its epoch is higher. The fields exist from version 3 on.
 */
function features(version: number, { level, epoch }: FinalizedLevel) {
  const supported = { name: TRANSACTION_VERSION, minVersion: 0, maxVersion: TRANSACTION_VERSION_MAX };
  return {
    // Clients of version 3 take a minimum of 0 for an error (KAFKA-17011).
    supportedFeatures: version >= FIRST_WITH_MINIMUM_0 ? [supported] : [],
    finalizedFeaturesEpoch: epoch,
    finalizedFeatures: [{ name: TRANSACTION_VERSION, maxVersionLevel: level, minVersionLevel: level }],
  };
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
