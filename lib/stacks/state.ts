import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  type ITable,
  Table,
  TableEncryption,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Removal } from './stages.ts';

/** All data of a Tidelog. Everything else can be deleted and deployed again. */
export interface StateResources {
  readonly journalTable: ITable;
  readonly stateTable: ITable;
  readonly bucket: IBucket;
}

export interface TidelogStateProps {
  /** Default: `retain`, with deletion protection on the tables. */
  readonly removal?: Removal;
  /**
   * The key of the tables: DynamoDB's own, which costs nothing; the account's `aws/dynamodb`; or a
   * customer's, which every role that reads the tables must be allowed to use. Default: `owned`.
   */
  readonly tableKey?: 'owned' | 'aws' | IKey;
  /** The key of the bucket: S3's own (SSE-S3), the account's `aws/s3`, or a customer's. Default: `owned`. */
  readonly bucketKey?: 'owned' | 'aws' | IKey;
  /** Point-in-time recovery of the tables, billed by their size. Default: true. */
  readonly pointInTimeRecovery?: boolean;
}

/**
 * Tidelog writes objects in one request, so leftover parts belong to an interrupted upload of
 * another program.
 */
const ABANDONED_UPLOAD_DAYS = 1;

/**
 * How long a deleted object can be brought back, and so how far back a restore of the tables may go: a
 * restored table names objects that were deleted later. Everything that is written to the bucket and
 * deleted again is billed for this time, about $0.0054 per GiB and 7 days.
 */
export const RESTORE_DAYS = 7;

const DELETED_OBJECTS: LifecycleRule = {
  id: 'DeletedObjects',
  noncurrentVersionExpiration: Duration.days(RESTORE_DAYS),
  // A delete marker without a version behind it only slows down the listing of the bucket.
  expiredObjectDeleteMarker: true,
};

/** Two tables, billed per request, and a bucket. */
export class TidelogState extends Construct implements StateResources {
  readonly journalTable: ITable;
  readonly stateTable: ITable;
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, props: TidelogStateProps = {}) {
    super(scope, id);
    const { removal = 'retain', bucketKey = 'owned' } = props;
    this.journalTable = this.#table('Journal', props);
    this.stateTable = this.#table('State', props);
    const bucket = new Bucket(this, 'Bucket', {
      ...bucketEncryption(bucketKey),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // Names of objects are unique and their bytes never change: the only older versions are those of
      // deleted objects. Where the data may go, so may they: a bucket with versions is hard to empty.
      versioned: removal === 'retain',
      lifecycleRules: [
        { id: 'AbandonedUploads', abortIncompleteMultipartUploadAfter: Duration.days(ABANDONED_UPLOAD_DAYS) },
        ...(removal === 'retain' ? [DELETED_OBJECTS] : []),
      ],
      removalPolicy: policyOf(removal),
    });
    acknowledge(bucket, {
      'AwsSolutions-S1':
        'Server access logs would bill a log object for every few requests of the write path. Only the roles of this stack reach the bucket; CloudTrail data events can be switched on where an audit needs them.',
    });
    // The CDK's classes do not satisfy its own interfaces under exactOptionalPropertyTypes.
    this.bucket = bucket as IBucket;
  }

  #table(
    id: string,
    { removal = 'retain', tableKey = 'owned', pointInTimeRecovery = true }: TidelogStateProps,
  ): ITable {
    const table = new Table(this, id, {
      // The names are those of lib/storage/dynamodb/attributes.ts; a test compares them.
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...tableEncryption(tableKey),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: pointInTimeRecovery },
      deletionProtection: removal === 'retain',
      removalPolicy: policyOf(removal),
    });
    if (!pointInTimeRecovery) {
      acknowledge(table, {
        'AwsSolutions-DDB3':
          'Backups are billed by the size of the tables, and the data of a stage without them can be made again.',
      });
    }
    return table as ITable;
  }
}

/** Only the service's own key costs nothing: the others are billed by the request to KMS. */
function tableEncryption(key: 'owned' | 'aws' | IKey): Pick<TableProps, 'encryption' | 'encryptionKey'> {
  if (key === 'owned') return { encryption: TableEncryption.DEFAULT };
  if (key === 'aws') return { encryption: TableEncryption.AWS_MANAGED };
  return { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key };
}

/** A bucket key, so that not every object of the write path costs a request to KMS. */
function bucketEncryption(
  key: 'owned' | 'aws' | IKey,
): Pick<BucketProps, 'encryption' | 'encryptionKey' | 'bucketKeyEnabled'> {
  if (key === 'owned') return { encryption: BucketEncryption.S3_MANAGED };
  if (key === 'aws') return { encryption: BucketEncryption.KMS_MANAGED, bucketKeyEnabled: true };
  return { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true };
}

function policyOf(removal: Removal): RemovalPolicy {
  return removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
}
