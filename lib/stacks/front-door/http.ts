import { Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { accessLogFormat, accessLogGroup } from './access-log.ts';
import { type FrontDoor, type FrontDoorProps, pathOf } from './front-door.ts';

/** An HTTP API with a route per function: the cheaper of API Gateway's two kinds. */
export class HttpFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly via: string;
  readonly urls = undefined;
  readonly #api: HttpApi;

  constructor(scope: Construct, id: string, { functions, prefix, throttling, logRetentionDays }: FrontDoorProps) {
    super(scope, id);
    this.#api = new HttpApi(this, 'Api', {
      apiName: prefix,
      description: 'Tidelog: Kafka frames for the functions',
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
    new HttpStage(this, 'Stage', {
      httpApi: this.#api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: throttling.requestsPerSecond, burstLimit: throttling.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLogGroup(this, prefix, logRetentionDays)),
        format: accessLogFormat('$context.routeKey'),
      },
    });
    this.url = this.#api.apiEndpoint;
    this.via = this.url;
  }

  grantCall(grantee: IGrantable, name: FrameFunction): Grant {
    const resource = `${this.#api.apiId}/$default/POST${pathOf(name)}`;
    const arn = Stack.of(this).formatArn({ service: 'execute-api', resource });
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [arn] });
  }
}
