import { type Clock, systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { createTables } from './create-tables.ts';
import type { DynamoDbLocal } from './dynamodb-local.ts';

/** Tables of one deployment in DynamoDB Local; objects are in memory. Each `open` is another process, with a client of its own. */
export async function dynamoDbStores(local: DynamoDbLocal, name: string) {
  const tables = { journalTable: `${name}-journal`, stateTable: `${name}-state` };
  const clients = [dynamoDbClient(local.clientConfig)];
  await createTables(clients[0]!, tables);
  const random = systemRandom;
  const objects = memoryStores({ clock: systemClock, random });
  return {
    open(clock: Clock = systemClock): Stores {
      const client = dynamoDbClient(local.clientConfig);
      clients.push(client);
      return {
        journal: openDynamoDbTable({ client, tableName: tables.journalTable, clock, random }),
        state: openDynamoDbTable({ client, tableName: tables.stateTable, clock, random }),
        blobs: objects.blobs,
        close: async () => client.destroy(),
      };
    },
    close() {
      for (const client of clients) client.destroy();
    },
  };
}
