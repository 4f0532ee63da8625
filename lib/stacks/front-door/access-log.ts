import { RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { LogRetentionDays } from '../stages.ts';

/** Why an API has no access log where none was asked for. */
export const NO_ACCESS_LOG =
  "Log deliveries need one of the account's ten resource policies for CloudWatch Logs, and every line is billed. Metrics count requests, errors and latencies; the option accessLog adds the log.";

/**
 * One line of JSON per request: caller, route, duration. Both kinds of API have these variables, but
 * for the subject of a token.
 */
export function accessLogFormat(
  route: '$context.routeKey' | '$context.resourcePath',
  withSubject = false,
): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      requestId: '$context.requestId',
      time: '$context.requestTime',
      route,
      status: '$context.status',
      bytes: '$context.responseLength',
      latencyMs: '$context.responseLatency',
      functionLatencyMs: '$context.integrationLatency',
      error: '$context.error.message',
      sourceIp: '$context.identity.sourceIp',
      caller: '$context.identity.userArn',
      ...(withSubject ? { subject: '$context.authorizer.claims.sub' } : {}),
    }),
  );
}

/**
 * The log group of an API's access log. Its name begins with /aws/vendedlogs, because any other
 * name adds to CloudWatch's policy for log deliveries, whose length is limited.
 */
export function accessLogGroup(scope: Construct, prefix: string, retention: LogRetentionDays): LogGroup {
  return new LogGroup(scope, 'AccessLogs', {
    logGroupName: `/aws/vendedlogs/apigateway/${prefix}`,
    retention,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
