import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const supportedFeatureKey = { name: string(), minVersion: int16(), maxVersion: int16() };

const finalizedFeatureKey = { name: string(), maxVersionLevel: int16(), minVersionLevel: int16() };

/**
 * Asks for the served APIs. It is sent before versions are negotiated, so an unknown version gets
 * an answer in version 0.
 */
export const ApiVersionsRequest = message('ApiVersionsRequest', '0-4', '3+', {
  clientSoftwareName: string('3+', { ignorable: true }),
  clientSoftwareVersion: string('3+', { ignorable: true }),
});

/**
 * Clients read `transaction.version` and `group.version` from the features. Up to version 3,
 * features with a minimum of 0 are omitted, since older clients treat them as an error.
 */
export const ApiVersionsResponse = message('ApiVersionsResponse', '0-4', '3+', {
  errorCode: int16(),
  apiKeys: array({ apiKey: int16(), minVersion: int16(), maxVersion: int16() }),
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  supportedFeatures: array(supportedFeatureKey, '3+', { ignorable: true, tag: 0 }),
  finalizedFeaturesEpoch: int64('3+', { default: -1, ignorable: true, tag: 1 }),
  finalizedFeatures: array(finalizedFeatureKey, '3+', { ignorable: true, tag: 2 }),
  zkMigrationReady: bool('3+', { default: false, ignorable: true, tag: 3 }),
});

export const ApiVersions = api('ApiVersions', ApiVersionsRequest, ApiVersionsResponse);
