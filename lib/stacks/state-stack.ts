import { CfnOutput, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { keyOf } from './keys.ts';
import type { Stage } from './stages.ts';
import { type StateResources, TidelogState } from './state.ts';

/** The outputs of the State stack, by their names after the prefix. */
const OUTPUTS = ['JournalTableName', 'StateTableName', 'BucketName'] as const;

export interface StateStackProps extends StackProps {
  readonly stage: Stage;
}

/** Tables and bucket in their own stack: everything else can be deleted and deployed again. */
export class StateStack extends Stack {
  constructor(scope: Construct, id: string, { stage, ...props }: StateStackProps) {
    super(scope, id, { description: 'Tidelog: the tables and the bucket that hold the log', ...props });
    const { removal, tableKey, bucketKey, pointInTimeRecovery } = stage;
    const { journalTable, stateTable, bucket } = new TidelogState(this, 'Tidelog', {
      removal,
      pointInTimeRecovery,
      tableKey: keyOf(this, 'TableKey', tableKey),
      bucketKey: keyOf(this, 'BucketKey', bucketKey),
    });
    const values = {
      JournalTableName: journalTable.tableName,
      StateTableName: stateTable.tableName,
      BucketName: bucket.bucketName,
    };
    for (const name of OUTPUTS) {
      new CfnOutput(this, name, { value: values[name], exportName: exportName(stage, name) });
    }
  }
}

/**
 * The tables and the bucket, for another stack. The exports have explicit names: the CDK's
 * generated names change with the path of a construct, and an export that is in use cannot be
 * renamed.
 */
export function importState(scope: Construct, stage: Stage): StateResources {
  const names = stage.existing ?? {
    journalTable: Fn.importValue(exportName(stage, 'JournalTableName')),
    stateTable: Fn.importValue(exportName(stage, 'StateTableName')),
    bucket: Fn.importValue(exportName(stage, 'BucketName')),
  };
  const tableKey = encryptedBy(keyOf(scope, 'TableKey', stage.tableKey));
  return {
    journalTable: Table.fromTableAttributes(scope, 'JournalTable', { tableName: names.journalTable, ...tableKey }),
    stateTable: Table.fromTableAttributes(scope, 'StateTable', { tableName: names.stateTable, ...tableKey }),
    bucket: Bucket.fromBucketAttributes(scope, 'Bucket', {
      bucketName: names.bucket,
      ...encryptedBy(keyOf(scope, 'BucketKey', stage.bucketKey)),
    }),
  };
}

function encryptedBy(key: ReturnType<typeof keyOf>): { encryptionKey?: IKey } {
  return typeof key === 'string' ? {} : { encryptionKey: key };
}

function exportName({ prefix }: Stage, name: (typeof OUTPUTS)[number]): string {
  return `${prefix}-${name}`;
}
