import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../lib/settings/settings.ts';
import { addStacks } from '../../lib/stacks/deployment.ts';
import { FUNCTION_NAMES, STAGES } from '../../lib/stacks/stages.ts';
import { FUNCTIONS, only, propertiesOf, quickApp, synthesized } from './synthesized.ts';

const { service } = synthesized({ settings: { 'tidelog.journals': '8', 'tidelog.profile': 'cost' } });

describe('the functions', () => {
  it('are called by the prefix, in lower case', () => {
    const { service } = synthesized({ prefix: 'Shop-Log' });
    const names = Object.values(propertiesOf(service, 'AWS::Lambda::Function')).map(({ FunctionName }) => FunctionName);
    expect(names.sort()).toEqual(FUNCTION_NAMES.map((name) => `shop-log-${name}`).sort());
    service.hasOutput('FunctionPrefix', { Value: 'shop-log' });
  });

  it('run on Node 24 and arm64, from the bundles', () => {
    service.resourceCountIs('AWS::Lambda::Function', FUNCTION_NAMES.length);
    service.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Code: { S3Key: Match.stringLikeRegexp('^[0-9a-f]{64}\\.zip$') },
    });
  });

  it('have 4 s more than they answer within, and the upkeep 5 minutes', () => {
    const timeouts = Object.values(propertiesOf(service, 'AWS::Lambda::Function')).map((properties) => [
      properties.FunctionName,
      properties.Timeout,
    ]);
    expect(Object.fromEntries(timeouts)).toEqual({
      'tidelog-produce': 29,
      'tidelog-fetch': 29,
      'tidelog-coordinate': 29,
      'tidelog-admin': 29,
      'tidelog-maintain': 300,
    });
  });

  it('have the memory of the stage', () => {
    const { service } = synthesized({
      memoryMiB: { produce: 1024, fetch: 768, coordinate: 512, admin: 256, maintain: 128 },
    });
    const memory = Object.values(propertiesOf(service, 'AWS::Lambda::Function')).map((properties) => [
      properties.FunctionName,
      properties.MemorySize,
    ]);
    expect(Object.fromEntries(memory)).toEqual({
      'tidelog-produce': 1024,
      'tidelog-fetch': 768,
      'tidelog-coordinate': 512,
      'tidelog-admin': 256,
      'tidelog-maintain': 128,
    });
  });

  it('write each to a log group of its own, which is kept as long as the stage says', () => {
    const { service } = synthesized({ logRetentionDays: 14, frontDoor: 'url' });
    const groups = propertiesOf(service, 'AWS::Logs::LogGroup');
    expect(
      Object.values(groups)
        .map(({ LogGroupName }) => LogGroupName)
        .sort(),
    ).toEqual(FUNCTION_NAMES.map((name) => `/aws/lambda/tidelog-${name}`).sort());
    service.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 14 });
    for (const { FunctionName, LoggingConfig } of Object.values(propertiesOf(service, 'AWS::Lambda::Function'))) {
      const { Ref } = (LoggingConfig as { LogGroup: { Ref: string } }).LogGroup;
      expect(groups[Ref]!.LogGroupName).toBe(`/aws/lambda/${FunctionName}`);
    }
  });

  it('get settings that Tidelog reads without a warning', () => {
    for (const { Environment } of Object.values(propertiesOf(service, 'AWS::Lambda::Function'))) {
      const { Variables } = Environment as { Variables: Record<string, unknown> };
      expect(Variables).toEqual({
        TIDELOG_STORE: 'aws',
        TIDELOG_JOURNAL_TABLE: { 'Fn::ImportValue': 'Tidelog-JournalTableName' },
        TIDELOG_STATE_TABLE: { 'Fn::ImportValue': 'Tidelog-StateTableName' },
        TIDELOG_BUCKET: { 'Fn::ImportValue': 'Tidelog-BucketName' },
        TIDELOG_JOURNALS: '8',
        TIDELOG_PROFILE: 'cost',
      });
      const environment = Object.fromEntries(
        Object.entries(Variables).map(([name, value]) => [name, typeof value === 'string' ? value : 'name']),
      );
      expect(loadSettings({ environment })).toMatchObject({
        kind: 'settings',
        warnings: [],
        settings: { store: 'aws', journalTable: 'name', journals: 8, profile: 'cost', functionsAnonymous: false },
      });
    }
  });

  it('work on tables and a bucket that are there already, where the stage names some', () => {
    const existing = { journalTable: 'restored-journal', stateTable: 'restored-state', bucket: 'restored-bucket' };
    const stacks = addStacks(quickApp(), { stage: { ...STAGES.prod, existing }, functionsFolder: FUNCTIONS });
    expect(stacks.state).toBeUndefined();
    const functions = Object.values(propertiesOf(Template.fromStack(stacks.service), 'AWS::Lambda::Function'));
    expect(functions).toHaveLength(FUNCTION_NAMES.length);
    for (const { Environment } of functions) {
      expect(Environment).toMatchObject({
        Variables: {
          TIDELOG_JOURNAL_TABLE: 'restored-journal',
          TIDELOG_STATE_TABLE: 'restored-state',
          TIDELOG_BUCKET: 'restored-bucket',
        },
      });
    }
  });

  it('let callers without identity in at the stage local only', () => {
    const anonymous = Object.entries(STAGES).filter(([, stage]) => {
      const functions = Object.values(propertiesOf(synthesized(stage).service, 'AWS::Lambda::Function'));
      const values = functions.map(({ Environment }) => (Environment as { Variables: object }).Variables);
      return values.some((variables) => 'TIDELOG_FUNCTIONS_ANONYMOUS' in variables);
    });
    expect(anonymous.map(([name]) => name)).toEqual(['local']);
  });
});

describe('the scheduled upkeep', () => {
  it('runs by EventBridge Scheduler, which may start that one function', () => {
    const { service } = synthesized({ maintenanceMinutes: 15 });
    expect(only(service, 'AWS::Scheduler::Schedule')).toMatchObject({
      ScheduleExpression: 'rate(15 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Input: '{"tidelog":"maintain"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2 },
      },
    });
    service.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'scheduler.amazonaws.com' } }] },
      Policies: [
        {
          PolicyDocument: {
            Statement: [
              {
                Action: 'lambda:InvokeFunction',
                Effect: 'Allow',
                Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('Maintain'), 'Arn'] },
              },
            ],
          },
        },
      ],
    });
  });

  it('can run every minute', () => {
    const { service } = synthesized({ maintenanceMinutes: 1 });
    expect(only(service, 'AWS::Scheduler::Schedule')).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
  });
});
