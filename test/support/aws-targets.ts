import { DeleteTableCommand, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, type S3ClientConfig } from '@aws-sdk/client-s3';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import type { Item } from '../../lib/storage/ports.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import type { BlobContractTarget } from '../contract/blob-store-contract.ts';
import type { ItemContractTarget } from '../contract/item-store-contract.ts';
import { createTables } from './create-tables.ts';

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

let made = 0;
const freshName = () => `tidelog-contract-${process.pid}-${Math.floor(performance.timeOrigin)}-${++made}`;

/**
 * A table of its own for the contract, gone with `close`. No latePut: what stands in for DynamoDB checks no signatures; what an
 * expired one is mapped to is tested in test/unit/storage/aws-answers.test.ts.
 */
export async function openDynamoDbTarget(config: DynamoDBClientConfig): Promise<ItemContractTarget> {
  const client = dynamoDbClient(config);
  const name = freshName();
  const tables = { journalTable: `${name}-journal`, stateTable: `${name}-state` };
  await createTables(client, tables);
  const open = (by = client) =>
    openDynamoDbTable({ client: by, tableName: tables.journalTable, clock: systemClock, random: systemRandom });
  return {
    store: open(),
    other: open(dynamoDbClient(config)),
    lostPut: (item: Item) => open(answerLosingClient(config)).put(item, { kind: 'absent' }),
    async close() {
      for (const TableName of Object.values(tables)) await client.send(new DeleteTableCommand({ TableName }));
    },
  };
}

/** A bucket of its own for the contract. */
export async function openS3Target(config: S3ClientConfig): Promise<BlobContractTarget> {
  const bucket = freshName();
  await s3Client(config).send(new CreateBucketCommand({ Bucket: bucket }));
  const open = () =>
    openS3Blobs({ client: s3Client(config), bucket, prefix: 'deployment/', clock: systemClock, random: systemRandom });
  return { store: open(), other: open(), close: async () => {} };
}
