import { CreateTableCommand, type DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { PARTITION_KEY, SORT_KEY } from '../../lib/storage/dynamodb/attributes.ts';

/** Local tables are there at once, those of AWS within about ten seconds. */
const CREATION_TIMEOUT_S = 60;

/** Creates both tables, billed per request, as the stacks do, and waits until they are active. */
export async function createTables(
  client: DynamoDBClient,
  names: { readonly journalTable: string; readonly stateTable: string },
): Promise<void> {
  for (const TableName of [names.journalTable, names.stateTable]) {
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: PARTITION_KEY, AttributeType: 'S' },
          { AttributeName: SORT_KEY, AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: PARTITION_KEY, KeyType: 'HASH' },
          { AttributeName: SORT_KEY, KeyType: 'RANGE' },
        ],
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: CREATION_TIMEOUT_S, minDelay: 1, maxDelay: 2 }, { TableName });
  }
}
