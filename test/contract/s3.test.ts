import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import { STAND_IN_CONFIG } from '../support/aws-targets.ts';
import { startS3Fake } from '../support/s3-fake.ts';
import { blobStoreContract } from './blob-store-contract.ts';

const given = process.env.TIDELOG_TEST_S3_ENDPOINT;

blobStoreContract(given === undefined ? 's3 (in-process stand-in)' : 's3', async () => {
  const fake = given === undefined ? await startS3Fake() : undefined;
  const config = { ...STAND_IN_CONFIG, endpoint: fake?.endpoint ?? given!, forcePathStyle: true };
  const bucket = `tidelog-contract-${process.pid}-${Math.floor(performance.timeOrigin)}`;
  await s3Client(config).send(new CreateBucketCommand({ Bucket: bucket }));
  const open = () =>
    openS3Blobs({ client: s3Client(config), bucket, prefix: 'deployment/', clock: systemClock, random: systemRandom });
  return { store: open(), other: open(), close: async () => fake?.stop() };
});
