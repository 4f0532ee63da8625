import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import { Gateway } from '../chaos/gateway.ts';
import type { Report } from '../simulation/ledger.ts';
import { createTables } from '../support/create-tables.ts';
import { startDynamoDbLocal } from '../support/dynamodb-local.ts';
import { startS3Fake } from '../support/s3-fake.ts';

const TABLES = { journalTable: 'fleet-journal', stateTable: 'fleet-state' };
const BUCKET = 'fleet';

/** A third of the default, so that a killed gateway's partitions move within the test's patience. */
export const SESSION_MS = 3_000;
const HEARTBEAT_MS = 500;

const GATEWAYS = 3;

export interface FleetStage {
  readonly gateways: readonly Gateway[];
  /** Outside of the fleet, over the same store. */
  readonly sidecar: Gateway;
  readonly stores: Stores;
}

/** Three gateways of one fleet and a sidecar over DynamoDB Local and the stand-in for S3. `closing` gets what ends them; with `ownIds` each has its node id. */
export async function openFleet(report: Report, closing: (() => unknown)[], ownIds: boolean): Promise<FleetStage> {
  const dynamoDb = await startDynamoDbLocal();
  closing.push(() => dynamoDb.stop());
  const s3 = await startS3Fake();
  closing.push(() => s3.stop());
  const { credentials, region, endpoint } = dynamoDb.clientConfig;
  const client = dynamoDbClient(dynamoDb.clientConfig);
  await createTables(client, TABLES);
  const environment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: String(endpoint),
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  };
  const store = [
    ...['--store', 'aws', '--journal-table', TABLES.journalTable, '--state-table', TABLES.stateTable],
    ...['--bucket', BUCKET, '--profile', 'latency'],
  ];
  const prepare = async (name: string, flags: readonly string[]) => {
    const gateway = await Gateway.prepare({
      name,
      flags: [...store, ...flags],
      environment,
      report,
    });
    closing.push(() => gateway.close());
    return gateway;
  };
  const fleet = [
    '--fleet',
    '--broker-session-timeout-ms',
    `${SESSION_MS}`,
    '--broker-heartbeat-interval-ms',
    `${HEARTBEAT_MS}`,
  ];
  const gateways: Gateway[] = [];
  for (let index = 0; index < GATEWAYS; index++) {
    const own = ownIds ? ['--node-id', `${index + 1}`] : [];
    gateways.push(await prepare(`gateway ${index}`, [...fleet, ...own]));
  }
  const sidecar = await prepare('sidecar', []);
  const table = (tableName: string) =>
    openDynamoDbTable({ client, tableName, clock: systemClock, random: systemRandom });
  const blobs = s3Client({ endpoint: s3.endpoint, region, credentials, forcePathStyle: true });
  const stores: Stores = {
    journal: table(TABLES.journalTable),
    state: table(TABLES.stateTable),
    blobs: openS3Blobs({ client: blobs, bucket: BUCKET, prefix: '', clock: systemClock, random: systemRandom }),
    async close() {
      client.destroy();
      blobs.destroy();
    },
  };
  closing.push(() => stores.close());
  return { gateways, sidecar, stores };
}
