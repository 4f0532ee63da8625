import { fetch } from '../api/01-fetch.ts';
import { listOffsets } from '../api/02-list-offsets.ts';
import { offsetForLeaderEpoch } from '../api/23-offset-for-leader-epoch.ts';
import type { ReadBroker } from '../broker.ts';
import type { ApisOf } from '../define-api.ts';

/** The APIs that the function `fetch` serves. */
export const fetchApis: ApisOf<'fetch', ReadBroker> = {
  Fetch: fetch,
  ListOffsets: listOffsets,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
};
