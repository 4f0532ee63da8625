import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Settings } from '../settings/settings.ts';
import type { Stores } from '../storage/ports.ts';
import { StartError } from './start-error.ts';

/** The bucket is Tidelog's alone, so keys have no prefix. */
const BUCKET_PREFIX = '';

/**
 * Opens the store that the settings name. Each adapter is loaded only when it is used: the AWS SDK
 * takes half a second to load, and LMDB needs a native library. Throws StartError.
 */
export async function openStores(settings: Settings, clock: Clock, random: Random): Promise<Stores> {
  switch (settings.store) {
    case 'memory': {
      const { memoryStores } = await import('../storage/memory/memory-stores.ts');
      return memoryStores({ clock, random });
    }
    case 'embedded':
      return openEmbedded(settings, clock, random);
    case 'aws':
      return openAws(settings, clock, random);
  }
}

/** Advice for a store that refuses writes. */
export function writeAdvice({ store, dataDir }: Settings): string {
  if (store === 'aws') return "look at the health of DynamoDB and S3, and at this process's rights and network";
  const folder = resolve(dataDir);
  return `make sure that ${folder} is there and that its disk has room (df -h ${folder}), and that no process which uses it is stopped (state T in ps)`;
}

async function openEmbedded(settings: Settings, clock: Clock, random: Random): Promise<Stores> {
  const { openEmbeddedStores } = await import('../storage/embedded/embedded-stores.ts');
  try {
    return await openEmbeddedStores({ path: resolve(settings.dataDir), clock, random });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'StoreOpenError')) throw error;
    throw new StartError(
      `The data folder cannot be used: ${error.message}. Choose another one with --data-dir FOLDER.`,
      {
        cause: error,
      },
    );
  }
}

async function openAws(settings: Settings, clock: Clock, random: Random): Promise<Stores> {
  const { journalTable, stateTable, bucket } = settings;
  if (journalTable === undefined || stateTable === undefined || bucket === undefined) {
    throw new StartError('The store aws needs --journal-table, --state-table and --bucket.');
  }
  const [{ dynamoDbClient }, { openDynamoDbTable }, { s3Client }, { openS3Blobs }] = await Promise.all([
    import('../storage/dynamodb/client.ts'),
    import('../storage/dynamodb/table.ts'),
    import('../storage/s3/client.ts'),
    import('../storage/s3/blobs.ts'),
  ]);
  const dynamoDb = dynamoDbClient();
  const s3 = s3Client();
  return {
    journal: openDynamoDbTable({ client: dynamoDb, tableName: journalTable, clock, random }),
    state: openDynamoDbTable({ client: dynamoDb, tableName: stateTable, clock, random }),
    blobs: openS3Blobs({ client: s3, bucket, prefix: BUCKET_PREFIX, clock, random }),
    async close() {
      dynamoDb.destroy();
      s3.destroy();
    },
  };
}
