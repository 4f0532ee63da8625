import { openS3Target, STAND_IN_CONFIG } from '../support/aws-targets.ts';
import { startS3Fake } from '../support/s3-fake.ts';
import { blobStoreContract } from './blob-store-contract.ts';

const given = process.env.TIDELOG_TEST_S3_ENDPOINT;

blobStoreContract(given === undefined ? 's3 (in-process stand-in)' : 's3', async () => {
  const fake = given === undefined ? await startS3Fake() : undefined;
  const endpoint = fake?.endpoint ?? given!;
  const target = await openS3Target({ ...STAND_IN_CONFIG, endpoint, forcePathStyle: true });
  return { ...target, close: async () => fake?.stop() };
});
