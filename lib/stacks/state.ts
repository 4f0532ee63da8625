import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, type ITable, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
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

  constructor(scope: Construct, id: string, { removal = 'retain' }: TidelogStateProps = {}) {
    super(scope, id);
    this.journalTable = this.#table('Journal', removal);
    this.stateTable = this.#table('State', removal);
    const bucket = new Bucket(this, 'Bucket', {
      // With a KMS key, each PUT of the write path would cost a request to KMS.
      encryption: BucketEncryption.S3_MANAGED,
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

  #table(id: string, removal: Removal): ITable {
    const table = new Table(this, id, {
      // The names are those of lib/storage/dynamodb/attributes.ts; a test compares them.
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      // The account's own key for DynamoDB: visible in CloudTrail and without a monthly fee.
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: removal === 'retain',
      removalPolicy: policyOf(removal),
    });
    return table as ITable;
  }
}

function policyOf(removal: Removal): RemovalPolicy {
  return removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
}
