import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../core/clock.ts';
import { defaultCredentials } from '../doors/tunnel/credentials.ts';
import { withAbort } from '../kit/deadline.ts';
import type { Settings } from '../settings/settings.ts';
import { PARTITION_KEY } from '../storage/dynamodb/attributes.ts';
import { regionMissing, requireCredentials } from './aws-identity.ts';
import { StartError } from './start-error.ts';

/** The parts of an exception of the SDK; each may be missing. */
interface SdkException {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** A key that no item and no object has. Reading it shows whether the credentials may read. */
const NOTHING = 'tidelog-start-check';

/** How long one check may take, ms. AWS answers such a read in tens of ms. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The IAM actions that the engine needs. */
const TABLE_RIGHTS = 'dynamodb:Query, GetItem, PutItem and DeleteItem';
const BUCKET_RIGHTS = 's3:GetObject, PutObject, DeleteObject and ListBucket';

/**
 * Checks that the engine can work on AWS with these settings: credentials, region, both tables, the
 * bucket. It costs one small read per table and bucket and writes nothing. Throws StartError with a
 * sentence for each problem: what is wrong, and what to do.
 */
export async function checkAws({ journalTable, stateTable, bucket }: Settings, clock: Clock): Promise<void> {
  const [{ GetObjectCommand }, { dynamoDbClient }, { s3Client }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../storage/dynamodb/client.ts'),
    import('../storage/s3/client.ts'),
  ]);
  const dynamoDb = dynamoDbClient();
  const s3 = s3Client();
  try {
    await requireCredentials(await defaultCredentials());
    const region = await regionOf(dynamoDb);
    const checkBucket = (name: string) =>
      withAbort(clock, ANSWER_TIMEOUT_MS, (abortSignal) =>
        s3.send(new GetObjectCommand({ Bucket: name, Key: NOTHING }), { abortSignal }),
      ).then(
        () => undefined,
        (error: SdkException) => bucketProblem(name, region, error),
      );
    const problems = await Promise.all([
      checkTable(dynamoDb, '--journal-table', journalTable!, TABLE_RIGHTS, clock),
      checkTable(dynamoDb, '--state-table', stateTable!, TABLE_RIGHTS, clock),
      checkBucket(bucket!),
    ]);
    const found = problems.filter((problem) => problem !== undefined);
    if (found.length > 0) throw new StartError([...new Set(found)].join('\n'));
  } finally {
    dynamoDb.destroy();
    s3.destroy();
  }
}

/** The region of a client. Throws StartError if there is none. */
function regionOf(client: DynamoDBClient): Promise<string> {
  return client.config.region().catch(() => {
    throw regionMissing('the tables');
  });
}

/**
 * What is wrong with a table that the flag names, in one sentence; undefined if it can be read.
 * `rights` are the actions that are needed on it. Throws StartError if there is no region.
 */
export async function checkTable(
  client: DynamoDBClient,
  flag: string,
  table: string,
  rights: string,
  clock: Clock,
): Promise<string | undefined> {
  const { QueryCommand } = await import('@aws-sdk/client-dynamodb');
  const region = await regionOf(client);
  // Not GetItem: nobody needs it on the journal table, so roles may lack it.
  const question = new QueryCommand({
    TableName: table,
    KeyConditionExpression: `${PARTITION_KEY} = :pk`,
    ExpressionAttributeValues: { ':pk': { S: NOTHING } },
    Limit: 1,
  });
  return withAbort(clock, ANSWER_TIMEOUT_MS, (abortSignal) => client.send(question, { abortSignal })).then(
    () => undefined,
    (error: SdkException) => tableProblem(flag, table, rights, region, error),
  );
}

function tableProblem(flag: string, table: string, rights: string, region: string, error: SdkException): string {
  switch (error.name) {
    case 'ResourceNotFoundException':
      return `There is no table ${table} in ${region}. Check ${flag} against the outputs of the State stack, and AWS_REGION.`;
    case 'ValidationException':
      return `The table ${table} is not one of Tidelog's: ${error.message}. Its keys have to be pk and sk, both texts. Check ${flag}.`;
    case 'AccessDeniedException':
      return `The credentials may not read the table ${table}: ${error.message}. They need ${rights} on it.`;
  }
  return (
    identityProblem('DynamoDB', error) ??
    `DynamoDB in ${region} cannot be asked for the table ${table}: ${wordsOf(error)}. Check the network and AWS_REGION.`
  );
}

/** The object does not exist, so "not found" shows that the bucket can be read. */
function bucketProblem(bucket: string, region: string, error: SdkException): string | undefined {
  const status = error.$metadata?.httpStatusCode;
  if (error.name === 'NoSuchKey' || (status === 404 && error.name !== 'NoSuchBucket')) return undefined;
  if (error.name === 'NoSuchBucket') {
    return `There is no bucket ${bucket}. Check --bucket against the outputs of the State stack.`;
  }
  if (status === 301 || error.name === 'PermanentRedirect' || error.name === 'AuthorizationHeaderMalformed') {
    return `The bucket ${bucket} is not in ${region}: ${error.message}. Tables and bucket have to be in one region; check --bucket and AWS_REGION.`;
  }
  const problem = identityProblem('S3', error);
  if (problem !== undefined) return problem;
  if (status === 403) {
    return `The credentials may not read the bucket ${bucket}: ${error.message}. They need ${BUCKET_RIGHTS} on it.`;
  }
  return `S3 in ${region} cannot be asked for the bucket ${bucket}: ${wordsOf(error)}. Check the network and AWS_REGION.`;
}

/** Errors for credentials that the service does not accept at all. */
function identityProblem(service: string, error: SdkException): string | undefined {
  const { name = '' } = error;
  if (/Expired/.test(name))
    return `The AWS credentials have run out (${wordsOf(error)}). Log in again, for example with aws sso login.`;
  if (
    /^(UnrecognizedClient|InvalidSignature|IncompleteSignature|MissingAuthenticationToken)|InvalidAccessKeyId|InvalidClientTokenId|SignatureDoesNotMatch|RequestTimeTooSkewed/.test(
      name,
    )
  ) {
    return `${service} does not take the AWS credentials (${wordsOf(error)}). Check AWS_PROFILE or the keys, and the clock of this machine.`;
  }
  return undefined;
}

function wordsOf({ name = 'Error', message = '' }: SdkException): string {
  return `${name}${message === '' ? '' : `: ${message.replace(/\.$/, '')}`}`;
}
