import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { dynamoDbClient } from '../storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../storage/dynamodb/table.ts';
import type { ItemStore } from '../storage/ports.ts';
import { checkTable } from './check-aws.ts';
import { StartError } from './start-error.ts';

/** All that looking at tails needs. */
const RIGHTS = 'dynamodb:Query';

/** The table of the journals, to be read only. */
export interface JournalTable {
  readonly journal: Pick<ItemStore, 'query'>;
  close(): void;
}

/**
 * Opens the table whose tails a tunnel looks at, with the credentials that the AWS SDK finds. Throws
 * StartError if it cannot be read.
 */
export async function openJournalTable(
  tableName: string,
  region: string | undefined,
  clock: Clock,
  random: Random,
): Promise<JournalTable> {
  const client = dynamoDbClient(region === undefined ? {} : { region });
  const problem = await checkTable(client, '--journal-table', tableName, RIGHTS, clock);
  if (problem === undefined) {
    return { journal: openDynamoDbTable({ client, tableName, clock, random }), close: () => client.destroy() };
  }
  client.destroy();
  throw new StartError(problem);
}
