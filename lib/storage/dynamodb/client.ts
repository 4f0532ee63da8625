import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/** A connection within a region takes a few ms; one that takes this long is tried anew. */
const CONNECTION_TIMEOUT_MS = 1_000;

/**
 * A client as `openDynamoDbTable` needs it: one attempt per call, since a retry inside the SDK would hide that the
 * first one may have landed, and connections kept open.
 */
export function dynamoDbClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS },
    ...config,
    maxAttempts: 1,
  });
}
