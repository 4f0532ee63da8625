import { Fn } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { FunctionUrl, FunctionUrlAuthType, InvokeMode } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { CALLED_FUNCTIONS, type CalledFunction } from '../stages.ts';
import type { FrontDoor, FrontDoorProps } from './front-door.ts';

/** A URL per function: no fee besides the functions', but no access log and no throttling. */
export class UrlFrontDoor extends Construct implements FrontDoor {
  readonly url = undefined;
  readonly urls: Readonly<Record<FrameFunction, string>>;
  readonly via: string;
  readonly restUrl: string;
  readonly #urls: Readonly<Record<CalledFunction, FunctionUrl>>;

  constructor(scope: Construct, id: string, { functions }: FrontDoorProps) {
    super(scope, id);
    const made = CALLED_FUNCTIONS.map((name) => {
      const url = new FunctionUrl(this, name, {
        function: functions[name],
        authType: FunctionUrlAuthType.AWS_IAM,
        invokeMode: InvokeMode.BUFFERED,
      });
      return [name, url] as const;
    });
    const urls = Object.fromEntries(made) as Record<CalledFunction, FunctionUrl>;
    this.#urls = urls;
    this.urls = Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, urls[name].url])) as Record<
      FrameFunction,
      string
    >;
    this.via = FRAME_FUNCTIONS.map((name) => `${name}=${urls[name].url}`).join(',');
    // https://HOST/ without the slash at its end.
    this.restUrl = `https://${Fn.select(2, Fn.split('/', urls.rest.url))}`;
  }

  grantCall(grantee: IGrantable, name: FrameFunction): Grant {
    return this.#urls[name].grantInvokeUrl(grantee);
  }

  grantRest(grantee: IGrantable): Grant {
    return this.#urls.rest.grantInvokeUrl(grantee);
  }
}
