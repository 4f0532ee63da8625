import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

/** A connection within a region takes a few ms; one that takes this long is tried anew. */
const CONNECTION_TIMEOUT_MS = 1_000;

/**
 * A client as `openS3Blobs` needs it: one attempt per call, so that the outcome of each is known to the caller. Where the
 * environment names an endpoint, the bucket goes into the path: names below that of LocalStack or the like often do not resolve.
 */
export function s3Client(config: S3ClientConfig = {}): S3Client {
  const forcePathStyle = (process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL || '') !== '';
  return new S3Client({
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS },
    forcePathStyle,
    ...config,
    maxAttempts: 1,
  });
}
