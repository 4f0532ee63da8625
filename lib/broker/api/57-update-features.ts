import { CLUSTER } from '../../auth/authorize.ts';
import { clipText } from '../../core/clip-text.ts';
import { errorCode } from '../../core/errors.ts';
import { UpdateFeatures } from '../../wire/messages/57-update-features.ts';
import { defineApi } from '../define-api.ts';

/** The longest feature name quoted in an error message; bytes. */
const QUOTED_BYTES_MAX = 249;

/**
 * UpdateFeatures, versions 0 to 2: no feature has a level that can be changed, as ApiVersions says;
 * each item and entry has its own format version. Any update is refused as Kafka refuses an unknown
 * feature (FeatureControlManager.updateFeatures): as a whole, for the first that fails.
 */
export const updateFeatures = defineApi(UpdateFeatures, async (broker, request, _version, context) => {
  const decisions = await broker.authorize(context, [{ operation: 'ALTER', resource: CLUSTER }]);
  if (!decisions.allows('ALTER', CLUSTER)) {
    const errorMessage = 'Cluster authorization failed.';
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage, results: [] };
  }
  const [first] = request.featureUpdates;
  if (first === undefined) return { errorCode: 0, errorMessage: null, results: [] };
  const { maxVersionLevel: level } = first;
  const feature = clipText(first.feature, QUOTED_BYTES_MAX);
  const reason =
    level < 0
      ? 'A feature version cannot be less than 0.'
      : level === 0
        ? `Feature ${feature} not found.`
        : `Local controller ${broker.leadership.nodeId} does not support this feature.`;
  const errorMessage =
    'The update failed for all features since the following feature had an error: ' +
    `Invalid update version ${level} for feature ${feature}. ${reason}`;
  return { errorCode: errorCode('INVALID_UPDATE_VERSION'), errorMessage, results: [] };
});
