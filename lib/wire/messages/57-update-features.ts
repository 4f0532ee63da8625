import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const updatableFeatureResult = {
  feature: string(),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
};

/**
 * Raises or lowers finalized feature levels. Version 1 has upgrade types in place of
 * `allowDowngrade`. 2 has only a top-level error.
 */
export const UpdateFeaturesRequest = message('UpdateFeaturesRequest', '0-2', '0+', {
  timeoutMs: int32({ default: 60000 }),
  featureUpdates: array({
    feature: string(),
    maxVersionLevel: int16(),
    allowDowngrade: bool('0'),
    upgradeType: int8('1+', { default: 1 }),
  }),
  validateOnly: bool('1+', { default: false }),
});

export const UpdateFeaturesResponse = message('UpdateFeaturesResponse', '0-2', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  results: array(updatableFeatureResult, '0-1', { ignorable: true }),
});

export const UpdateFeatures = api('UpdateFeatures', UpdateFeaturesRequest, UpdateFeaturesResponse);
