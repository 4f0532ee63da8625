import type { FunctionName } from './stages.ts';

/** The calls that lib/storage makes. It makes no others, so no role needs another action. */
type TableAction = 'dynamodb:GetItem' | 'dynamodb:Query' | 'dynamodb:PutItem' | 'dynamodb:DeleteItem';
type ObjectAction = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject';

/** What DynamoDB and S3 do with a customer's key for the caller of a table or of an object. */
export type KeyAction =
  | 'kms:Decrypt'
  | 'kms:DescribeKey'
  | 'kms:Encrypt'
  | 'kms:ReEncryptFrom'
  | 'kms:ReEncryptTo'
  | 'kms:GenerateDataKey'
  | 'kms:GenerateDataKeyWithoutPlaintext';

/** The actions of one function; an empty list gives no policy statement. */
export interface Rights {
  readonly journalTable: readonly TableAction[];
  readonly stateTable: readonly TableAction[];
  readonly objects: readonly ObjectAction[];
  /**
   * Without the right to list a bucket, S3 answers 403 instead of 404 for a missing object. The
   * engine must know the difference (rule R5: a missing object means that the offset has to be
   * resolved again).
   */
  readonly bucket: readonly 's3:ListBucket'[];
}

/**
 * The IAM actions of each function. lib/run/functions has the same as calls to the stores,
 * and a test compares them. The lists are literal, since the grants of the CDK include more than is
 * requested.
 */
export const RIGHTS: Readonly<Record<FunctionName, Rights>> = {
  produce: {
    journalTable: ['dynamodb:Query', 'dynamodb:PutItem'],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
  },
  fetch: {
    journalTable: ['dynamodb:Query'],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query'],
    objects: ['s3:GetObject'],
    bucket: ['s3:ListBucket'],
  },
  coordinate: {
    journalTable: [],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    objects: [],
    bucket: [],
  },
  admin: {
    journalTable: ['dynamodb:Query', 'dynamodb:PutItem'],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
  },
  rest: {
    journalTable: ['dynamodb:Query', 'dynamodb:PutItem'],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    objects: ['s3:GetObject', 's3:PutObject'],
    bucket: ['s3:ListBucket'],
  },
  maintain: {
    journalTable: [],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    objects: ['s3:DeleteObject'],
    bucket: ['s3:ListBucket'],
  },
  seal: {
    journalTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    objects: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
    bucket: ['s3:ListBucket'],
  },
};

/**
 * The functions that may start another one, by lambda:InvokeFunction on that one only: `produce`
 * and `rest` wake `seal` when a journal has grown by a segment; `rest`, and `fetch` and `coordinate`,
 * which may not append to journals, when a reader is held up by a transaction that nobody ends.
 */
export const WAKES: Readonly<Partial<Record<FunctionName, 'seal'>>> = {
  produce: 'seal',
  fetch: 'seal',
  coordinate: 'seal',
  rest: 'seal',
};

/** A gateway runs the whole engine, so it needs the rights of all functions together. */
export const GATEWAY_RIGHTS: Rights = {
  journalTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
  stateTable: ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
  objects: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  bucket: ['s3:ListBucket'],
};

const READ_TABLE_KEY = ['kms:Decrypt', 'kms:DescribeKey'] as const;
const WRITE_TABLE_KEY = [
  ...READ_TABLE_KEY,
  'kms:Encrypt',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
] as const;

/**
 * The rights to the key of a table that go with an action, where the key is a customer's. Without
 * them DynamoDB refuses the call.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
export const TABLE_KEY_ACTIONS: Readonly<Record<TableAction, readonly KeyAction[]>> = {
  'dynamodb:GetItem': READ_TABLE_KEY,
  'dynamodb:Query': READ_TABLE_KEY,
  'dynamodb:PutItem': WRITE_TABLE_KEY,
  'dynamodb:DeleteItem': WRITE_TABLE_KEY,
};

/**
 * The same for objects.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 */
export const OBJECT_KEY_ACTIONS: Readonly<Record<ObjectAction, readonly KeyAction[]>> = {
  's3:GetObject': ['kms:Decrypt'],
  's3:PutObject': ['kms:GenerateDataKey'],
  's3:DeleteObject': [],
};

/** What a tunnel that looks at the journal table itself does there. */
export const TAIL_ACTIONS = ['dynamodb:Query'] as const satisfies readonly TableAction[];

export const TAIL_RIGHTS: Rights = { journalTable: TAIL_ACTIONS, stateTable: [], objects: [], bucket: [] };

/**
 * The functions that a role must be able to call to use a Kafka client. `admin` is in all of them,
 * as it answers Metadata, the first request of every client. A transactional producer needs
 * `coordinate` for FindCoordinator and TxnOffsetCommit. IAM sees functions, not topics, so it cannot
 * say what a caller may do to which topic.
 */
export const CALLS = {
  produce: ['produce', 'coordinate', 'admin'],
  consume: ['fetch', 'coordinate', 'admin'],
  administer: ['produce', 'fetch', 'coordinate', 'admin'],
} as const satisfies Readonly<Record<string, readonly FunctionName[]>>;

/**
 * The requests of REST that a role must be able to make: method and path. `*` stands for anything,
 * slashes as well. Producers find the cluster's id by the first one.
 */
export const REST_REQUESTS = {
  produce: [
    'GET /v3/clusters',
    'POST /v3/clusters/*/topics/*/records',
    'POST /v3/clusters/*/topics/*/records:batch',
    'POST /topics/*',
  ],
  consume: ['GET /v3/*', 'GET /brokers', 'GET /topics', 'GET /topics/*', '* /consumers/*'],
} as const satisfies Readonly<Record<string, readonly RestRequest[]>>;

export type RestRequest = `${'GET' | 'POST' | '*'} /${string}`;
