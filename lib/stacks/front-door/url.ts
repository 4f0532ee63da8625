import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { FunctionUrl, FunctionUrlAuthType, InvokeMode } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import type { FrontDoor, FrontDoorProps } from './front-door.ts';

/** A URL per function: no fee besides the functions', but no access log and no throttling. */
export class UrlFrontDoor extends Construct implements FrontDoor {
  readonly url = undefined;
  readonly urls: Readonly<Record<FrameFunction, string>>;
  readonly via: string;
  readonly #urls: Readonly<Record<FrameFunction, FunctionUrl>>;

  constructor(scope: Construct, id: string, { functions }: FrontDoorProps) {
    super(scope, id);
    const made = FRAME_FUNCTIONS.map((name) => {
      const url = new FunctionUrl(this, name, {
        function: functions[name],
        authType: FunctionUrlAuthType.AWS_IAM,
        invokeMode: InvokeMode.BUFFERED,
      });
      return [name, url] as const;
    });
    this.#urls = Object.fromEntries(made) as Record<FrameFunction, FunctionUrl>;
    this.urls = Object.fromEntries(made.map(([name, { url }]) => [name, url])) as Record<FrameFunction, string>;
    this.via = made.map(([name, { url }]) => `${name}=${url}`).join(',');
  }

  grantCall(grantee: IGrantable, name: FrameFunction): Grant {
    return this.#urls[name].grantInvokeUrl(grantee);
  }
}
