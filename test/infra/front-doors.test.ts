import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { FRAME_FUNCTIONS } from '../../lib/broker/apis.ts';
import { allRoutes } from '../../lib/rest/routes.ts';
import { REST_PATHS } from '../../lib/stacks/front-door/front-door.ts';
import { CALLED_FUNCTIONS, STAGES } from '../../lib/stacks/stages.ts';
import { only, propertiesOf, synthesized } from './synthesized.ts';

const THROTTLING = { requestsPerSecond: 70, burst: 90 };

/** The function that an integration's URI or a function URL points to, by the logical id in it. */
function functionIn(value: unknown): string {
  return /Functions(Produce|Fetch|Coordinate|Admin|Rest|Maintain)Function/
    .exec(JSON.stringify(value))![1]!
    .toLowerCase();
}

function logLine(format: unknown): Record<string, string> {
  return JSON.parse(format as string) as Record<string, string>;
}

function outputsOf(template: Template): string[] {
  return Object.keys(template.findOutputs('*')).sort();
}

describe('the front door http', () => {
  const { service } = synthesized({ frontDoor: 'http', throttling: THROTTLING, accessLog: true });

  it('has a POST route per function of frames and those of REST, each with IAM', () => {
    const integrations = propertiesOf(service, 'AWS::ApiGatewayV2::Integration');
    const routes = Object.values(propertiesOf(service, 'AWS::ApiGatewayV2::Route')).map((route) => {
      const [, [, integrationId]] = (route.Target as { 'Fn::Join': [string, [string, { Ref: string }]] })['Fn::Join'];
      const { IntegrationUri, PayloadFormatVersion } = integrations[integrationId.Ref]!;
      return [route.RouteKey, route.AuthorizationType, functionIn(IntegrationUri), PayloadFormatVersion];
    });
    expect(routes.sort()).toEqual(
      [
        ...FRAME_FUNCTIONS.map((name) => [`POST /kafka/${name}`, 'AWS_IAM', name, '2.0']),
        ...REST_PATHS.map((path) => [`ANY ${path}`, 'AWS_IAM', 'rest', '2.0']),
      ].sort(),
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
    expect(outputsOf(service)).toEqual(['ApiUrl', 'FunctionPrefix', 'RestUrl']);
    service.hasOutput('RestUrl', { Value: { 'Fn::GetAtt': [Match.anyValue(), 'ApiEndpoint'] } });
    service.hasOutput('ApiUrl', { Value: { 'Fn::GetAtt': [Match.anyValue(), 'ApiEndpoint'] } });
  });

  it('lets API Gateway call each function for its own route', () => {
    const permissions = Object.values(propertiesOf(service, 'AWS::Lambda::Permission'));
    const allowed = permissions.map(({ Principal, FunctionName, SourceArn }) => [
      Principal,
      functionIn(FunctionName),
      /\/\*\/\*(\/[^"]*)"/.exec(JSON.stringify(SourceArn))?.[1],
    ]);
    expect(allowed.sort()).toEqual(
      [
        ...FRAME_FUNCTIONS.map((name) => ['apigateway.amazonaws.com', name, `/kafka/${name}`]),
        ...REST_PATHS.map((path) => ['apigateway.amazonaws.com', 'rest', path]),
      ].sort(),
    );
  });
});

describe('the paths of REST', () => {
  it('reach every route that the function has, and none of the functions of frames', () => {
    const reaches = (path: string) =>
      REST_PATHS.some((one) => (one.endsWith('/{proxy+}') ? path.startsWith(one.slice(0, -8)) : path === one));
    expect(allRoutes.map(({ path }) => path).filter((path) => !reaches(path))).toEqual([]);
    expect(FRAME_FUNCTIONS.filter((name) => reaches(`/kafka/${name}`))).toEqual([]);
  });
});

describe('the front door http with an issuer of tokens', () => {
  const jwt = { issuer: 'https://login.example.com/', audience: ['orders', 'billing'] };
  const { service } = synthesized({ frontDoor: 'http', jwt, accessLog: true });

  it('asks callers of REST for a token, and callers of frames for a signature as before', () => {
    const routes = Object.values(propertiesOf(service, 'AWS::ApiGatewayV2::Route'));
    const types = routes.map(({ RouteKey, AuthorizationType }) => `${String(RouteKey)} ${String(AuthorizationType)}`);
    expect(types.sort()).toEqual(
      [
        ...FRAME_FUNCTIONS.map((name) => `POST /kafka/${name} AWS_IAM`),
        ...REST_PATHS.map((path) => `ANY ${path} JWT`),
      ].sort(),
    );
    expect(only(service, 'AWS::ApiGatewayV2::Authorizer')).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: 'https://login.example.com/', Audience: ['orders', 'billing'] },
    });
  });

  it('logs whose token it was', () => {
    const { Format } = only(service, 'AWS::ApiGatewayV2::Stage').AccessLogSettings as { Format: string };
    expect(logLine(Format)).toMatchObject({ subject: '$context.authorizer.claims.sub' });
  });
});

describe('the front door rest', () => {
  const { service } = synthesized({ frontDoor: 'rest', throttling: THROTTLING, accessLog: true });

  it('has a POST method per function of frames and the paths of REST, each with IAM', () => {
    const paths = propertiesOf(service, 'AWS::ApiGateway::Resource');
    const methods = Object.values(propertiesOf(service, 'AWS::ApiGateway::Method')).map((method) => {
      const { Uri, Type } = method.Integration as { Uri: unknown; Type: string };
      return [method.HttpMethod, pathOf(method.ResourceId) || '/', method.AuthorizationType, functionIn(Uri), Type];
    });
    /** Undefined parents are the root's. */
    function pathOf(id: unknown): string {
      const own = paths[(id as { Ref?: string }).Ref ?? ''];
      return own === undefined ? '' : `${pathOf(own.ParentId)}/${String(own.PathPart)}`;
    }
    expect(methods.sort()).toEqual(
      [
        ...FRAME_FUNCTIONS.map((name) => ['POST', `/kafka/${name}`, 'AWS_IAM', name, 'AWS_PROXY']),
        ...REST_PATHS.map((path) => ['ANY', path, 'AWS_IAM', 'rest', 'AWS_PROXY']),
      ].sort(),
    );
  });

  it('passes answers of REST on as they come, but not those of frames, and not in the stage local', () => {
    const integrations = (template: Template) =>
      Object.values(propertiesOf(template, 'AWS::ApiGateway::Method')).map(({ Integration }) => {
        const { Uri, ResponseTransferMode } = Integration as { Uri: unknown; ResponseTransferMode?: string };
        const [path] = /20\d\d-\d\d-\d\d\/functions\/|$/.exec(JSON.stringify(Uri))!;
        return [functionIn(Uri) === 'rest', ResponseTransferMode ?? 'BUFFERED', path].join(' ');
      });
    const handlers = (template: Template) =>
      Object.values(propertiesOf(template, 'AWS::Lambda::Function'))
        .filter(({ Handler }) => Handler !== 'index.handler')
        .map(({ FunctionName, Handler }) => `${FunctionName} ${Handler}`);
    const buffered = ['false BUFFERED 2015-03-31/functions/', 'true BUFFERED 2015-03-31/functions/'];
    expect([...new Set(integrations(service))].sort()).toEqual([buffered[0], 'true STREAM 2021-11-15/functions/']);
    expect(handlers(service)).toEqual(['tidelog-rest index.streaming']);
    const local = synthesized({ frontDoor: 'rest', streaming: STAGES.local.streaming }).service;
    expect([...new Set(integrations(local))].sort()).toEqual(buffered);
    for (const frontDoor of ['http', 'url'] as const) expect(handlers(synthesized({ frontDoor }).service)).toEqual([]);
    expect(handlers(local)).toEqual([]);
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
    expect(outputsOf(service)).toEqual(['ApiUrl', 'FunctionPrefix', 'RestUrl']);
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
    expect(urls.sort()).toEqual(CALLED_FUNCTIONS.map((name) => [name, 'AWS_IAM', 'BUFFERED']).sort());
  });

  it('lets nobody in by a policy of the function', () => {
    service.resourceCountIs('AWS::Lambda::Permission', 0);
  });

  it('tells the URL of each function', () => {
    expect(outputsOf(service)).toEqual([
      'AdminUrl',
      'CoordinateUrl',
      'FetchUrl',
      'FunctionPrefix',
      'ProduceUrl',
      'RestUrl',
    ]);
    service.hasOutput('ProduceUrl', { Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('produce'), 'FunctionUrl'] } });
  });
});

describe('without the option accessLog', () => {
  it('an HTTP API delivers no log', () => {
    const { service } = synthesized({ frontDoor: 'http' });
    expect(only(service, 'AWS::ApiGatewayV2::Stage')).not.toHaveProperty('AccessLogSettings');
  });

  it("a REST API delivers no log, and leaves the account's role for logs alone", () => {
    const { service } = synthesized({ frontDoor: 'rest' });
    expect(only(service, 'AWS::ApiGateway::Stage')).not.toHaveProperty('AccessLogSetting');
    service.resourceCountIs('AWS::ApiGateway::Account', 0);
    expect(JSON.stringify(only(service, 'AWS::ApiGateway::Stage').MethodSettings)).not.toContain('LoggingLevel');
  });
});
