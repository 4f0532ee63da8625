import { CLUSTER } from '../../auth/authorize.ts';
import { clipText } from '../../core/clip-text.ts';
import { errorCode } from '../../core/errors.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { UpdateFeatures } from '../../wire/messages/57-update-features.ts';
import type { Infer } from '../../wire/schema/message.ts';
import { defineApi } from '../define-api.ts';
import { TRANSACTION_VERSION, TRANSACTION_VERSION_MAX } from './18-api-versions.ts';

/** From this version on, the answer has no results (KIP-1022). */
const FIRST_WITHOUT_RESULTS = 2;

/** The longest feature name quoted in an error message; bytes. */
const QUOTED_BYTES_MAX = 249;

/** Kafka's FeatureUpdate.UpgradeType. */
const UPGRADE = 1;
const SAFE_DOWNGRADE = 2;
const UNSAFE_DOWNGRADE = 3;

/**
 * UpdateFeatures, versions 0 to 2: changes the level of transaction.version between 1 and 2, unless a
 * setting keeps it. No other feature has a level, since each item and entry has its own format version.
 * An update is refused as Kafka refuses it (FeatureControlManager.updateFeatures): as a whole, for the
 * first that fails. In version 0 each update is an upgrade: Kafka's controller does not look at
 * `allowDowngrade` either.
 */
export const updateFeatures = defineApi(UpdateFeatures, async (broker, request, version, context) => {
  const decisions = await broker.authorize(context, [{ operation: 'ALTER', resource: CLUSTER }]);
  if (!decisions.allows('ALTER', CLUSTER)) {
    const errorMessage = 'Cluster authorization failed.';
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage, results: [] };
  }
  const { transactionFeature, leadership } = broker;
  const { featureUpdates, validateOnly } = request;
  const { level: current } = await transactionFeature.finalized();
  const facts = { current, pinned: transactionFeature.pinned, nodeId: leadership.nodeId };
  for (const update of featureUpdates) {
    const reason = refusalOf(update, facts);
    if (reason !== undefined) return invalid(update, reason);
  }
  const wanted = featureUpdates.at(-1)?.maxVersionLevel;
  if (wanted !== undefined && wanted !== current && !validateOnly) {
    try {
      await transactionFeature.change(wanted === 1 ? 1 : 2);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { errorCode: errorCode('REQUEST_TIMED_OUT'), errorMessage: error.message, results: [] };
    }
  }
  // The message is Kafka's.
  const results = featureUpdates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: 'NONE' }));
  return { errorCode: 0, errorMessage: null, results: version < FIRST_WITHOUT_RESULTS ? results : [] };
});

type Update = Infer<typeof UpdateFeatures.request>['featureUpdates'][number];

/** Why an update is refused; undefined if it is not. The order is Kafka's. */
function refusalOf(
  { feature, maxVersionLevel: level, upgradeType }: Update,
  {
    current,
    pinned,
    nodeId,
  }: { readonly current: number; readonly pinned: number | undefined; readonly nodeId: number },
): string | undefined {
  if (![UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE].includes(upgradeType)) {
    return 'The controller does not support the given upgrade type.';
  }
  if (level < 0) return 'A feature version cannot be less than 0.';
  if (feature !== TRANSACTION_VERSION) {
    const name = clipText(feature, QUOTED_BYTES_MAX);
    return level === 0 ? `Feature ${name} not found.` : `Local controller ${nodeId} does not support this feature.`;
  }
  if (pinned !== undefined && level !== pinned) return `The setting tidelog.transaction.version keeps it at ${pinned}.`;
  if (level < 1 || level > TRANSACTION_VERSION_MAX) {
    return `Local controller ${nodeId} only supports versions 1-${TRANSACTION_VERSION_MAX}`;
  }
  if (level < current && upgradeType === UPGRADE) {
    return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.";
  }
  if (level > current && upgradeType !== UPGRADE) return "Can't downgrade to a newer version.";
  return undefined;
}

function invalid({ feature, maxVersionLevel }: Update, reason: string) {
  const errorMessage =
    'The update failed for all features since the following feature had an error: ' +
    `Invalid update version ${maxVersionLevel} for feature ${clipText(feature, QUOTED_BYTES_MAX)}. ${reason}`;
  return { errorCode: errorCode('INVALID_UPDATE_VERSION'), errorMessage, results: [] };
}
