import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

/** A connection within a region takes a few ms; one that takes this long is tried anew. */
const CONNECTION_TIMEOUT_MS = 1_000;

/** A client as `openS3Blobs` needs it: one attempt per call, so that the outcome of each is known to the caller. */
export function s3Client(config: S3ClientConfig = {}): S3Client {
  return new S3Client({ requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS }, ...config, maxAttempts: 1 });
}
