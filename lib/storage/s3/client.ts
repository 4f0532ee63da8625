import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { USER_AGENT } from '../../core/user-agent.ts';
import { requestHandler } from '../aws/request-handler.ts';
import { BUCKET_REQUESTS_MAX } from './blobs.ts';

/**
 * A client for `openS3Blobs`: one attempt per call, so that the caller knows the outcome of each.
 * Where the environment names an endpoint, the bucket goes into the path: subdomains of
 * LocalStack's host often do not resolve.
 */
export function s3Client(config: S3ClientConfig = {}): S3Client {
  const forcePathStyle = (process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL || '') !== '';
  return new S3Client({
    requestHandler: requestHandler(BUCKET_REQUESTS_MAX),
    customUserAgent: USER_AGENT,
    forcePathStyle,
    // For a request with `Expect: 100-continue` the SDK opens an extra connection.
    expectContinueHeader: false,
    ...config,
    retryMode: 'standard',
    maxAttempts: 1,
  });
}
