import { Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';

export interface FunctionScheduleProps {
  readonly target: IFunction;
  /** The value of `tidelog` in the event. */
  readonly name: 'maintain' | 'seal';
  /** What the function does, for people. */
  readonly description: string;
  readonly everyMinutes: number;
}

/** A run that cannot start within this time is skipped; the next one does its work. */
const EVENT_AGE_SECONDS_MAX = 300;
const RETRIES_MAX = 2;

/**
 * Starts a function again and again. Overlapping runs are safe: every decision is a conditional write.
 */
export class FunctionSchedule extends Construct {
  constructor(scope: Construct, id: string, { target, name, description, everyMinutes }: FunctionScheduleProps) {
    super(scope, id);
    const invoke = new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] });
    const role = new Role(this, 'Role', {
      // Without the condition, another account's schedule could make the service take this role on.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: `Tidelog: starts ${description}`,
      inlinePolicies: { invoke: new PolicyDocument({ statements: [invoke] }) },
    });
    // The higher-level construct would give its role a wildcard for all versions and aliases.
    new CfnSchedule(this, 'Schedule', {
      description: `Tidelog: ${description}`,
      scheduleExpression: everyMinutes === 1 ? 'rate(1 minute)' : `rate(${everyMinutes} minutes)`,
      flexibleTimeWindow: { mode: 'OFF' },
      state: 'ENABLED',
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify({ tidelog: name }),
        retryPolicy: { maximumEventAgeInSeconds: EVENT_AGE_SECONDS_MAX, maximumRetryAttempts: RETRIES_MAX },
      },
    });
  }
}
