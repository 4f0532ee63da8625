import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { FRAME_FUNCTIONS } from '../../lib/broker/apis.ts';
import { only, propertiesOf, synthesized } from './synthesized.ts';

const THROTTLING = { requestsPerSecond: 70, burst: 90 };

/** The function that an integration's URI or a function URL points to, by the logical id in it. */
function functionIn(value: unknown): string {
  return /Functions(Produce|Fetch|Coordinate|Admin|Maintain)Function/.exec(JSON.stringify(value))![1]!.toLowerCase();
}

function logLine(format: unknown): Record<string, string> {
  return JSON.parse(format as string) as Record<string, string>;
}

function outputsOf(template: Template): string[] {
  return Object.keys(template.findOutputs('*')).sort();
}

describe('the front door http', () => {
  const { service } = synthesized({ frontDoor: 'http', throttling: THROTTLING });

  it('has a POST route per function, each with IAM', () => {
    const integrations = propertiesOf(service, 'AWS::ApiGatewayV2::Integration');
    const routes = Object.values(propertiesOf(service, 'AWS::ApiGatewayV2::Route')).map((route) => {
      const [, [, integrationId]] = (route.Target as { 'Fn::Join': [string, [string, { Ref: string }]] })['Fn::Join'];
      const { IntegrationUri, PayloadFormatVersion } = integrations[integrationId.Ref]!;
      return [route.RouteKey, route.AuthorizationType, functionIn(IntegrationUri), PayloadFormatVersion];
    });
    expect(routes.sort()).toEqual(
      FRAME_FUNCTIONS.map((name) => [`POST /kafka/${name}`, 'AWS_IAM', name, '2.0']).sort(),
    );
  });

  it('has no other way in, and no CORS', () => {
    service.resourceCountIs('AWS::ApiGatewayV2::Api', 1);
    service.resourceCountIs('AWS::ApiGateway::RestApi', 0);
    service.resourceCountIs('AWS::Lambda::Url', 0);
    expect(only(service, 'AWS::ApiGatewayV2::Api')).not.toHaveProperty('CorsConfiguration');
  });

  it('throttles, and logs who called what and how long it took', () => {
    const stage = only(service, 'AWS::ApiGatewayV2::Stage');
    expect(stage).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 70, ThrottlingBurstLimit: 90 },
    });
    const { Format, DestinationArn } = stage.AccessLogSettings as { Format: string; DestinationArn: unknown };
    expect(logLine(Format)).toMatchObject({
      route: '$context.routeKey',
      status: '$context.status',
      caller: '$context.identity.userArn',
      functionLatencyMs: '$context.integrationLatency',
    });
    expect(JSON.stringify(DestinationArn)).toContain('AccessLogs');
    service.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/aws/vendedlogs/apigateway/tidelog',
      RetentionInDays: 30,
    });
  });

  it('tells its base without a slash behind it', () => {
    expect(outputsOf(service)).toEqual(['ApiUrl', 'FunctionPrefix']);
    service.hasOutput('ApiUrl', { Value: { 'Fn::GetAtt': [Match.anyValue(), 'ApiEndpoint'] } });
  });

  it('lets API Gateway call each function for its own route', () => {
    const permissions = Object.values(propertiesOf(service, 'AWS::Lambda::Permission'));
    const allowed = permissions.map(({ Principal, FunctionName, SourceArn }) => [
      Principal,
      functionIn(FunctionName),
      /\/kafka\/[a-z]+/.exec(JSON.stringify(SourceArn))?.[0],
    ]);
    expect(allowed.sort()).toEqual(
      FRAME_FUNCTIONS.map((name) => ['apigateway.amazonaws.com', name, `/kafka/${name}`]).sort(),
    );
  });
});

describe('the front door rest', () => {
  const { service } = synthesized({ frontDoor: 'rest', throttling: THROTTLING });

  it('has a POST method per function, each with IAM', () => {
    const paths = propertiesOf(service, 'AWS::ApiGateway::Resource');
    const methods = Object.values(propertiesOf(service, 'AWS::ApiGateway::Method')).map((method) => {
      const { PathPart, ParentId } = paths[(method.ResourceId as { Ref: string }).Ref]!;
      const parent = paths[(ParentId as { Ref: string }).Ref]!.PathPart;
      const { Uri, Type } = method.Integration as { Uri: unknown; Type: string };
      return [method.HttpMethod, `/${parent}/${PathPart}`, method.AuthorizationType, functionIn(Uri), Type];
    });
    expect(methods.sort()).toEqual(
      FRAME_FUNCTIONS.map((name) => ['POST', `/kafka/${name}`, 'AWS_IAM', name, 'AWS_PROXY']).sort(),
    );
  });

  it('hands bodies over as bytes', () => {
    expect(only(service, 'AWS::ApiGateway::RestApi')).toMatchObject({
      BinaryMediaTypes: ['*/*'],
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
  });

  it('throttles and logs', () => {
    const stage = only(service, 'AWS::ApiGateway::Stage');
    expect(stage).toMatchObject({
      StageName: 'kafka',
      MethodSettings: [
        {
          ThrottlingRateLimit: 70,
          ThrottlingBurstLimit: 90,
          LoggingLevel: 'ERROR',
          HttpMethod: '*',
          ResourcePath: '/*',
        },
      ],
    });
    const { Format } = stage.AccessLogSetting as { Format: string };
    expect(logLine(Format)).toMatchObject({ route: '$context.resourcePath', caller: '$context.identity.userArn' });
  });

  it('tells its base with the stage and without a slash behind it', () => {
    expect(outputsOf(service)).toEqual(['ApiUrl', 'FunctionPrefix']);
    const { Value } = service.findOutputs('ApiUrl').ApiUrl as { Value: { 'Fn::Join': [string, unknown[]] } };
    expect(Value['Fn::Join'][1].at(-1)).toBe('/kafka');
  });
});

describe('the front door url', () => {
  const { service } = synthesized({ frontDoor: 'url', throttling: THROTTLING });

  it('has a URL per function, each with IAM', () => {
    const urls = Object.values(propertiesOf(service, 'AWS::Lambda::Url')).map((url) => [
      functionIn(url.TargetFunctionArn),
      url.AuthType,
      url.InvokeMode,
    ]);
    expect(urls.sort()).toEqual(FRAME_FUNCTIONS.map((name) => [name, 'AWS_IAM', 'BUFFERED']).sort());
  });

  it('lets nobody in by a policy of the function', () => {
    service.resourceCountIs('AWS::Lambda::Permission', 0);
  });

  it('tells the URL of each function', () => {
    expect(outputsOf(service)).toEqual(['AdminUrl', 'CoordinateUrl', 'FetchUrl', 'FunctionPrefix', 'ProduceUrl']);
    service.hasOutput('ProduceUrl', { Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('produce'), 'FunctionUrl'] } });
  });
});
