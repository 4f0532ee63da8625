import { produce } from '../api/00-produce.ts';
import type { ProduceBroker } from '../broker.ts';
import type { ApisOf } from '../define-api.ts';

/** The APIs that the function `produce` serves. */
export const produceApis: ApisOf<'produce', ProduceBroker> = {
  Produce: produce,
};
