import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { STAGES, type Stage } from '../../lib/stacks/stages.ts';
import { PARTITION_KEY, SORT_KEY } from '../../lib/storage/dynamodb/attributes.ts';
import { only, propertiesOf, synthesized } from './synthesized.ts';

const { state } = synthesized();

const DELETED_OBJECTS = {
  NoncurrentVersionExpiration: { NoncurrentDays: 7 },
  ExpiredObjectDeleteMarker: true,
  Status: 'Enabled',
};

describe('the State stack', () => {
  it('is what it was', async () => {
    await expect(`${JSON.stringify(state.toJSON(), null, 2)}\n`).toMatchFileSnapshot('../golden/state-stack.json');
  });

  it('has nothing but two tables, a bucket and its policy', () => {
    const types = Object.values(state.toJSON().Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
    expect(types.sort()).toEqual([
      'AWS::DynamoDB::Table',
      'AWS::DynamoDB::Table',
      'AWS::S3::Bucket',
      'AWS::S3::BucketPolicy',
    ]);
  });

  it('has tables with the keys of the storage adapter, billed per request, with backups, protection and the key that costs nothing', () => {
    state.allResourcesProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: PARTITION_KEY, KeyType: 'HASH' },
        { AttributeName: SORT_KEY, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: PARTITION_KEY, AttributeType: 'S' },
        { AttributeName: SORT_KEY, AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      // The key that DynamoDB owns.
      SSESpecification: { SSEEnabled: false },
      DeletionProtectionEnabled: true,
    });
  });

  it('has no indexes, streams or expiry, which the engine may not rely on', () => {
    for (const table of Object.values(propertiesOf(state, 'AWS::DynamoDB::Table'))) {
      const beyond = [
        'LocalSecondaryIndexes',
        'GlobalSecondaryIndexes',
        'StreamSpecification',
        'TimeToLiveSpecification',
      ];
      expect(beyond.filter((name) => name in table)).toEqual([]);
    }
  });

  it('keeps tables and bucket when it is deleted, and when an update would replace them', () => {
    const kept = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
    state.allResources('AWS::DynamoDB::Table', kept);
    state.allResources('AWS::S3::Bucket', kept);
  });

  it('has an encrypted bucket that nobody outside sees', () => {
    state.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      LifecycleConfiguration: {
        Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' }, DELETED_OBJECTS],
      },
    });
  });

  it('keeps deleted objects as long as a restore of the tables may go back', () => {
    state.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike(DELETED_OBJECTS)]) },
    });
  });

  it('gives no role a right to delete a version for good', () => {
    const { service, gateway } = synthesized();
    expect(JSON.stringify([service.toJSON(), gateway.toJSON()])).not.toMatch(/s3:(DeleteObjectVersion|\*)/);
  });

  it('refuses requests to the bucket without TLS, and with an old one', () => {
    const denied = (Condition: unknown) =>
      Match.objectLike({ Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*', Condition });
    state.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: [
          denied({ Bool: { 'aws:SecureTransport': 'false' } }),
          denied({ NumericLessThan: { 's3:TlsVersion': 1.2 } }),
        ],
      },
    });
  });

  it('tells the names', () => {
    const outputs = state.toJSON().Outputs as Record<string, { Export: { Name: string } }>;
    expect(Object.entries(outputs).map(([name, { Export }]) => [name, Export.Name])).toEqual([
      ['JournalTableName', 'Tidelog-JournalTableName'],
      ['StateTableName', 'Tidelog-StateTableName'],
      ['BucketName', 'Tidelog-BucketName'],
    ]);
  });

  describe('with another key', () => {
    const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

    it("encrypts with the account's key for the service, and asks for it once per bucket key", () => {
      const { state } = synthesized({ tableKey: 'aws', bucketKey: 'aws' });
      state.allResourcesProperties('AWS::DynamoDB::Table', { SSESpecification: { SSEEnabled: true } });
      expect(encryptionOf(state)).toEqual([
        { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } },
      ]);
    });

    it("encrypts with a customer's key", () => {
      const { state } = synthesized({ tableKey: KEY, bucketKey: KEY });
      state.allResourcesProperties('AWS::DynamoDB::Table', {
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: KEY },
      });
      expect(encryptionOf(state)).toEqual([
        { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY } },
      ]);
    });

    function encryptionOf(template: Template): unknown {
      const { BucketEncryption } = only(template, 'AWS::S3::Bucket') as {
        BucketEncryption: { ServerSideEncryptionConfiguration: unknown };
      };
      return BucketEncryption.ServerSideEncryptionConfiguration;
    }
  });

  it('has backups of the tables in prod only, unless told otherwise', () => {
    const backups = (differences: Partial<Stage>) =>
      Object.values(propertiesOf(synthesized(differences).state, 'AWS::DynamoDB::Table')).map(
        ({ PointInTimeRecoverySpecification }) =>
          (PointInTimeRecoverySpecification as { PointInTimeRecoveryEnabled: boolean }).PointInTimeRecoveryEnabled,
      );
    expect(backups(STAGES.prod)).toEqual([true, true]);
    expect(backups(STAGES.dev)).toEqual([false, false]);
    expect(backups({ pointInTimeRecovery: false })).toEqual([false, false]);
  });

  it.each(['dev', 'local'] as const)('lets everything go in the stage %s', (name) => {
    const { state } = synthesized(STAGES[name]);
    const gone = { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' };
    state.allResources('AWS::DynamoDB::Table', gone);
    state.allResources('AWS::S3::Bucket', gone);
    state.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: Match.not(true) });
    expect(only(state, 'AWS::S3::Bucket')).not.toHaveProperty('VersioningConfiguration');
  });

  it('is the same in the stage prod whatever the other stacks are like', () => {
    const { state: other } = synthesized({
      frontDoor: 'url',
      logRetentionDays: 1,
      settings: { 'num.partitions': '3' },
    });
    expect(other.toJSON()).toEqual(state.toJSON());
  });
});
