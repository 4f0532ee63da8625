import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { requestHandler } from '../aws/request-handler.ts';
import { BUCKET_REQUESTS_MAX } from './blobs.ts';

/**
 * A client as `openS3Blobs` needs it: one attempt per call, so that the outcome of each is known to the caller. Where the
 * environment names an endpoint, the bucket goes into the path: names below that of LocalStack or the like often do not resolve.
 */
export function s3Client(config: S3ClientConfig = {}): S3Client {
  const forcePathStyle = (process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL || '') !== '';
  return new S3Client({
    requestHandler: requestHandler(BUCKET_REQUESTS_MAX),
    forcePathStyle,
    // The SDK opens a connection of its own for each request that asks first whether the body is wanted.
    expectContinueHeader: false,
    ...config,
    retryMode: 'standard',
    maxAttempts: 1,
  });
}
