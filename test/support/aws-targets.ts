import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';

/** Set to make missing tools a failure instead of a skipped test, as in continuous integration. */
export const REQUIRE_ALL = process.env.TIDELOG_REQUIRE_ALL === '1';

/** `missing`, unless everything is required: then throws. */
export function skipReason(missing: string | undefined): string | undefined {
  if (missing !== undefined && REQUIRE_ALL) throw new Error(`TIDELOG_REQUIRE_ALL is set, but ${missing}`);
  return missing;
}

/** Credentials and region for an endpoint that stands in for AWS; the environment's own win. */
export const STAND_IN_CONFIG = {
  region: process.env.AWS_REGION ?? 'us-east-1',
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
  },
};

/** A client that sends everything, waits for the answer, and then loses it as a broken connection would. */
export function answerLosingClient(config: DynamoDBClientConfig) {
  const { requestHandler } = dynamoDbClient(config).config;
  return dynamoDbClient({
    ...config,
    requestHandler: {
      ...requestHandler,
      async handle(...call: Parameters<typeof requestHandler.handle>) {
        await requestHandler.handle(...call);
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      },
    } as NonNullable<DynamoDBClientConfig['requestHandler']>,
  });
}
