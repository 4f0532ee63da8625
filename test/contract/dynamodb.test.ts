import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { createTables } from '../../lib/storage/dynamodb/create-tables.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import { answerLosingClient, STAND_IN_CONFIG, skipReason } from '../support/aws-targets.ts';
import { dynamoDbLocalMissing, startDynamoDbLocal } from '../support/dynamodb-local.ts';
import { itemStoreContract } from './item-store-contract.ts';

const endpoint = process.env.TIDELOG_TEST_DYNAMODB_ENDPOINT;

async function openTarget() {
  const local = endpoint === undefined ? await startDynamoDbLocal() : undefined;
  const config = local?.clientConfig ?? { ...STAND_IN_CONFIG, endpoint: endpoint! };
  const client = dynamoDbClient(config);
  const name = `contract-${process.pid}-${Math.floor(performance.timeOrigin)}`;
  const tables = { journalTable: `${name}-journal`, stateTable: `${name}-state` };
  await createTables(client, tables);
  const open = (by = client) =>
    openDynamoDbTable({ client: by, tableName: tables.journalTable, clock: systemClock, random: systemRandom });
  return {
    store: open(),
    other: open(dynamoDbClient(config)),
    lostPut: (item: Parameters<ReturnType<typeof open>['put']>[0]) =>
      open(answerLosingClient(config)).put(item, { kind: 'absent' }),
    // No latePut: DynamoDB Local does not check signatures. What an expired one is mapped to is tested in
    // test/unit/storage/aws-answers.test.ts.
    async close() {
      if (local === undefined) {
        for (const TableName of Object.values(tables)) await client.send(new DeleteTableCommand({ TableName }));
      }
      await local?.stop();
    },
  };
}

itemStoreContract('dynamodb', openTarget, {
  skip: endpoint === undefined ? skipReason(dynamoDbLocalMissing()) : undefined,
  checksSignatures: false,
});
