import { inject } from 'vitest';
import { blobStoreContract } from '../contract/blob-store-contract.ts';
import { itemStoreContract } from '../contract/item-store-contract.ts';
import { openDynamoDbTarget, openS3Target, STAND_IN_CONFIG } from '../support/aws-targets.ts';

const endpoint = inject('endpoint');
const config = { ...STAND_IN_CONFIG, endpoint: endpoint?.url ?? '' };
const skip = endpoint === undefined ? 'no endpoint' : undefined;

itemStoreContract('dynamodb of the endpoint', () => openDynamoDbTarget(config), {
  skip,
  checksSignatures: false,
  // MiniStack answers every query in one page.
  hasPages: !inject('isMinistack'),
});

blobStoreContract('s3 of the endpoint', () => openS3Target({ ...config, forcePathStyle: true }), skip);
