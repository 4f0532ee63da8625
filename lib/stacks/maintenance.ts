import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';

export interface MaintenanceProps {
  readonly maintain: IFunction;
  readonly everyMinutes: number;
}

/** A run that cannot start within this time is skipped; the next one does its work. */
const EVENT_AGE_SECONDS_MAX = 300;
const RETRIES_MAX = 2;

/**
 * Starts the scheduled upkeep. Overlapping runs are safe: every decision is a conditional write.
 */
export class Maintenance extends Construct {
  constructor(scope: Construct, id: string, { maintain, everyMinutes }: MaintenanceProps) {
    super(scope, id);
    const invoke = new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [maintain.functionArn] });
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
      description: 'Tidelog: starts the scheduled upkeep',
      inlinePolicies: { invoke: new PolicyDocument({ statements: [invoke] }) },
    });
    // The higher-level construct would give its role a wildcard for all versions and aliases.
    new CfnSchedule(this, 'Schedule', {
      description: 'Tidelog: scheduled upkeep',
      scheduleExpression: everyMinutes === 1 ? 'rate(1 minute)' : `rate(${everyMinutes} minutes)`,
      flexibleTimeWindow: { mode: 'OFF' },
      state: 'ENABLED',
      target: {
        arn: maintain.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify({ tidelog: 'maintain' }),
        retryPolicy: { maximumEventAgeInSeconds: EVENT_AGE_SECONDS_MAX, maximumRetryAttempts: RETRIES_MAX },
      },
    });
  }
}
