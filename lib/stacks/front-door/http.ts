import { Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { acknowledge } from '../acknowledge.ts';
import type { RestRequest } from '../rights.ts';
import { StackError } from '../stack-error.ts';
import { accessLogFormat, accessLogGroup, NO_ACCESS_LOG } from './access-log.ts';
import { type FrontDoor, type FrontDoorProps, pathOf, REST_PATHS } from './front-door.ts';

/** An HTTP API: the cheaper of API Gateway's two kinds. */
export class HttpFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly via: string;
  readonly urls = undefined;
  readonly restUrl: string;
  readonly #api: HttpApi;
  readonly #takesTokens: boolean;

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id);
    const { functions, prefix, jwt, throttling, accessLog, logRetentionDays } = props;
    this.#api = new HttpApi(this, 'Api', {
      apiName: prefix,
      description: 'Tidelog: Kafka frames and REST for the functions',
      createDefaultStage: false,
    });
    const authorizer = new HttpIamAuthorizer();
    for (const name of FRAME_FUNCTIONS) {
      this.#api.addRoutes({
        path: pathOf(name),
        methods: [HttpMethod.POST],
        integration: new HttpLambdaIntegration(name, functions[name]),
        authorizer,
      });
    }
    const restAuthorizer =
      jwt === undefined
        ? authorizer
        : new HttpJwtAuthorizer('Jwt', jwt.issuer, { authorizerName: `${prefix}-jwt`, jwtAudience: [...jwt.audience] });
    const integration = new HttpLambdaIntegration('rest', functions.rest);
    for (const path of REST_PATHS) {
      this.#api.addRoutes({ path, methods: [HttpMethod.ANY], integration, authorizer: restAuthorizer });
    }
    this.#takesTokens = jwt !== undefined;
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.#api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: throttling.requestsPerSecond, burstLimit: throttling.burst },
      ...(accessLog && {
        accessLogSettings: {
          destination: new LogGroupLogDestination(accessLogGroup(this, prefix, logRetentionDays)),
          format: accessLogFormat('$context.routeKey', this.#takesTokens),
        },
      }),
    });
    if (!accessLog) {
      acknowledge(stage, { 'AwsSolutions-APIG1': NO_ACCESS_LOG, 'Serverless-APIGWAccessLogging': NO_ACCESS_LOG });
    }
    this.url = this.#api.apiEndpoint;
    this.via = this.url;
    this.restUrl = this.url;
  }

  grantCall(grantee: IGrantable, name: FrameFunction): Grant {
    return this.#grant(grantee, [`POST${pathOf(name)}`]);
  }

  grantRest(grantee: IGrantable, requests: readonly RestRequest[]): Grant {
    if (this.#takesTokens) throw new StackError('jwt: callers of REST send tokens, so a role cannot be let in.');
    return this.#grant(
      grantee,
      requests.map((request) => request.replace(' ', '')),
    );
  }

  #grant(grantee: IGrantable, requests: readonly string[]): Grant {
    const resourceArns = requests.map((request) =>
      Stack.of(this).formatArn({ service: 'execute-api', resource: `${this.#api.apiId}/$default/${request}` }),
    );
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
  }
}
