import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { USER_AGENT } from '../../core/user-agent.ts';
import { requestHandler } from '../aws/request-handler.ts';
import { TABLE_REQUESTS_MAX } from './table.ts';

/** One client serves the journal table and the state table. */
const TABLES_PER_CLIENT = 2;

/**
 * A client as `openDynamoDbTable` needs it: one attempt per call, since a retry inside the SDK
 * would hide that the first one may have landed, and a connection for every request that its tables
 * make at once.
 */
export function dynamoDbClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    requestHandler: requestHandler(TABLES_PER_CLIENT * TABLE_REQUESTS_MAX),
    customUserAgent: USER_AGENT,
    ...config,
    retryMode: 'standard',
    maxAttempts: 1,
  });
}
