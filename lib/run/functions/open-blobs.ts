import type { OpenBlobs } from '../lazy-blobs.ts';

/** Loads S3's client, which is a chunk of its own in a function's bundle, and opens the bucket. */
export const openBlobs: OpenBlobs = async ({ bucket, clock, random }) => {
  const [{ s3Client }, { openS3Blobs }] = await Promise.all([
    import('../../storage/s3/client.ts'),
    import('../../storage/s3/blobs.ts'),
  ]);
  return openS3Blobs({ client: s3Client(), bucket, prefix: '', clock, random });
};
