import { Aws, Stack } from 'aws-cdk-lib';
import {
  AuthorizationType,
  type CfnMethod,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { acknowledge } from '../acknowledge.ts';
import type { RestRequest } from '../rights.ts';
import { accessLogFormat, accessLogGroup, NO_ACCESS_LOG } from './access-log.ts';
import { type FrontDoor, type FrontDoorProps, pathOf, REST_PATHS } from './front-door.ts';

const STAGE = 'kafka';

/** API Gateway's REST API, for WAF or for endpoints without HTTP APIs. */
export class RestFrontDoor extends Construct implements FrontDoor {
  readonly url: string;
  readonly via: string;
  readonly urls = undefined;
  readonly restUrl: string;
  readonly #api: RestApi;

  constructor(scope: Construct, id: string, props: FrontDoorProps) {
    super(scope, id);
    const { functions, prefix, streaming, throttling, accessLog, logRetentionDays } = props;
    this.#api = new RestApi(this, 'Api', {
      restApiName: prefix,
      description: 'Tidelog: Kafka frames and REST for the functions',
      endpointTypes: [EndpointType.REGIONAL],
      // Without it, API Gateway would decode the body as UTF-8.
      binaryMediaTypes: ['*/*'],
      // An account has one role for all its APIs. Without it no API writes logs.
      cloudWatchRole: accessLog,
      defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: throttling.requestsPerSecond,
        throttlingBurstLimit: throttling.burst,
        ...(accessLog && {
          loggingLevel: MethodLoggingLevel.ERROR,
          accessLogDestination: new LogGroupLogDestination(accessLogGroup(this, prefix, logRetentionDays)),
          accessLogFormat: accessLogFormat('$context.resourcePath'),
        }),
      },
    });
    // Removes an output that the CDK adds to the stack, which may be a user's own.
    this.#api.node.tryRemoveChild('Endpoint');
    for (const name of FRAME_FUNCTIONS) {
      const resource = this.#api.root.resourceForPath(pathOf(name));
      resource.addMethod('POST', new LambdaIntegration(functions[name], { allowTestInvoke: false }));
    }
    for (const path of REST_PATHS) {
      const resource = path === '/' ? this.#api.root : this.#api.root.resourceForPath(path);
      const method = resource.addMethod('ANY', new LambdaIntegration(functions.rest, { allowTestInvoke: false }));
      if (streaming) passStreams(method, functions.rest);
    }
    // The API's own `url` ends with a slash, so the base is composed here.
    this.url = `https://${this.#api.restApiId}.execute-api.${Stack.of(this).region}.${Stack.of(this).urlSuffix}/${STAGE}`;
    this.via = this.url;
    this.restUrl = this.url;
    acknowledge(this, {
      'AwsSolutions-APIG2': 'The functions check bodies: frames are binary, and those of REST are of many media types.',
      'AwsSolutions-APIG3':
        'Callers sign with IAM, and a WAF is billed by the month. Who wants one can attach it to the stage.',
      'AwsSolutions-COG4': 'Callers are programs with IAM roles, so every method asks for a signature by IAM.',
      ...(accessLog
        ? {
            'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]':
              "The policy that AWS keeps for just this purpose: API Gateway's account-wide right to write logs.",
          }
        : {
            'AwsSolutions-APIG1': NO_ACCESS_LOG,
            'AwsSolutions-APIG6': NO_ACCESS_LOG,
            'Serverless-APIGWAccessLogging': NO_ACCESS_LOG,
          }),
      'Serverless-APIGWXrayEnabled':
        'Traces are billed and would end here, as the functions have none. Metrics have the latencies of both.',
    });
  }

  grantCall(grantee: IGrantable, name: FrameFunction): Grant {
    const arn = this.#api.arnForExecuteApi('POST', pathOf(name), STAGE);
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [arn] });
  }

  grantRest(grantee: IGrantable, requests: readonly RestRequest[]): Grant {
    const resourceArns = requests.map((request) => {
      const [method, path] = request.split(' ') as [string, string];
      return this.#api.arnForExecuteApi(method, path, STAGE);
    });
    return Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
  }
}

/**
 * Has API Gateway pass the function's answers on as they come. By properties, since only newer versions
 * of the CDK have LambdaIntegration's `responseTransferMode`.
 */
function passStreams(method: Method, { functionArn }: IFunction): void {
  const path = `2021-11-15/functions/${functionArn}/response-streaming-invocations`;
  const resource = method.node.defaultChild as CfnMethod;
  resource.addPropertyOverride('Integration.ResponseTransferMode', 'STREAM');
  resource.addPropertyOverride(
    'Integration.Uri',
    `arn:${Aws.PARTITION}:apigateway:${Stack.of(method).region}:lambda:path/${path}`,
  );
}
