import { CLUSTER } from '../../auth/authorize.ts';
import { clipText } from '../../core/clip-text.ts';
import { errorCode } from '../../core/errors.ts';
import { UpdateFeatures } from '../../wire/messages/57-update-features.ts';
import { defineApi } from '../define-api.ts';
import { TRANSACTION_VERSION } from './18-api-versions.ts';

/** From this version on, the answer has no results (KIP-1022). */
const FIRST_WITHOUT_RESULTS = 2;

/** The longest feature name quoted in an error message; bytes. */
const QUOTED_BYTES_MAX = 249;

/**
 * UpdateFeatures, versions 0 to 2: no feature has a level that can be changed. Each item and entry has
 * its own format version, and the level of transaction.version is a setting. An update to the level
 * that a feature has is accepted. Any other is refused as Kafka refuses an unknown feature
 * (FeatureControlManager.updateFeatures): as a whole, for the first that fails.
 */
export const updateFeatures = defineApi(UpdateFeatures, async (broker, request, version, context) => {
  const decisions = await broker.authorize(context, [{ operation: 'ALTER', resource: CLUSTER }]);
  if (!decisions.allows('ALTER', CLUSTER)) {
    const errorMessage = 'Cluster authorization failed.';
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage, results: [] };
  }
  const { transactionVersion } = broker.settings;
  const refused = request.featureUpdates.find(
    ({ feature, maxVersionLevel }) => feature !== TRANSACTION_VERSION || maxVersionLevel !== transactionVersion,
  );
  if (refused === undefined) {
    const results = request.featureUpdates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: null }));
    return { errorCode: 0, errorMessage: null, results: version < FIRST_WITHOUT_RESULTS ? results : [] };
  }
  const { maxVersionLevel: level } = refused;
  const feature = clipText(refused.feature, QUOTED_BYTES_MAX);
  const reason =
    level < 0
      ? 'A feature version cannot be less than 0.'
      : refused.feature === TRANSACTION_VERSION
        ? `The setting tidelog.transaction.version keeps it at ${transactionVersion}.`
        : level === 0
          ? `Feature ${feature} not found.`
          : `Local controller ${broker.leadership.nodeId} does not support this feature.`;
  const errorMessage =
    'The update failed for all features since the following feature had an error: ' +
    `Invalid update version ${level} for feature ${feature}. ${reason}`;
  return { errorCode: errorCode('INVALID_UPDATE_VERSION'), errorMessage, results: [] };
});
