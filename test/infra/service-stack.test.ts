import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../lib/settings/settings.ts';
import { addStacks } from '../../lib/stacks/deployment.ts';
import { FUNCTION_NAMES, STAGES, type Stage } from '../../lib/stacks/stages.ts';
import { FUNCTIONS, propertiesOf, quickApp, synthesized } from './synthesized.ts';

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

  it('have 4 s more than they answer within, the upkeep 5 minutes, and the work on history all that Lambda gives', () => {
    const timeouts = Object.values(propertiesOf(service, 'AWS::Lambda::Function')).map((properties) => [
      properties.FunctionName,
      properties.Timeout,
    ]);
    expect(Object.fromEntries(timeouts)).toEqual({
      'tidelog-produce': 29,
      'tidelog-fetch': 29,
      'tidelog-coordinate': 29,
      'tidelog-admin': 29,
      'tidelog-rest': 29,
      'tidelog-maintain': 300,
      'tidelog-seal': 900,
    });
  });

  it('have the memory of the stage', () => {
    const { service } = synthesized({
      memoryMiB: { produce: 1024, fetch: 768, coordinate: 512, admin: 256, rest: 2048, maintain: 128, seal: 1536 },
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
      'tidelog-rest': 2048,
      'tidelog-maintain': 128,
      'tidelog-seal': 1536,
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

  it("log as JSON, without Lambda's lines for each call, and every line of Tidelog's own", () => {
    service.allResourcesProperties('AWS::Lambda::Function', {
      LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'WARN', ApplicationLogLevel: 'TRACE' },
    });
  });

  it('keep no instances for themselves, but as many as the stage says', () => {
    const reserved = (differences: Partial<Stage>) =>
      Object.values(propertiesOf(synthesized(differences).service, 'AWS::Lambda::Function')).flatMap(
        ({ FunctionName, ReservedConcurrentExecutions: instances }) =>
          instances === undefined ? [] : [[FunctionName, instances]],
      );
    expect(reserved({})).toEqual([]);
    expect(reserved({ reservedConcurrency: { produce: 50, seal: 0 } })).toEqual([
      ['tidelog-produce', 50],
      ['tidelog-seal', 0],
    ]);
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

describe.each([
  ['maintain', 'maintenanceMinutes', 60],
  ['seal', 'sealMinutes', 15],
] as const)('the schedule of %s', (name, minutes, byDefault) => {
  const target = `Functions${name.charAt(0).toUpperCase()}${name.slice(1)}`;

  /** The schedule among the two that has this function's event. */
  function scheduleIn(service: Template): Record<string, unknown> {
    const schedules = Object.values(propertiesOf(service, 'AWS::Scheduler::Schedule'));
    expect(schedules).toHaveLength(2);
    const own = schedules.filter(({ Target }) => (Target as { Input: string }).Input === `{"tidelog":"${name}"}`);
    expect(own).toHaveLength(1);
    return own[0]!;
  }

  it('runs by EventBridge Scheduler, which may start that one function', () => {
    const { service } = synthesized({ [minutes]: 20 });
    expect(scheduleIn(service)).toMatchObject({
      ScheduleExpression: 'rate(20 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2 } },
    });
    service.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
      Policies: [
        {
          PolicyDocument: {
            Statement: [
              {
                Action: 'lambda:InvokeFunction',
                Effect: 'Allow',
                Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp(target), 'Arn'] },
              },
            ],
          },
        },
      ],
    });
  });

  it('can start it every minute', () => {
    const { service } = synthesized({ [minutes]: 1 });
    expect(scheduleIn(service)).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
  });

  it('has its own time by default', () => {
    expect(scheduleIn(synthesized().service)).toMatchObject({ ScheduleExpression: `rate(${byDefault} minutes)` });
  });
});
