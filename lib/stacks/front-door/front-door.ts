import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { FrameFunction } from '../../broker/apis.ts';
import type { LogRetentionDays, Throttling } from '../stages.ts';

/** The entrance for frames. Every route requires an IAM signature. */
export interface FrontDoor {
  /** The value of `tidelog gateway --via`: a base URL, or `produce=URL,fetch=URL,...`. */
  readonly via: string;
  /** The base of `POST {base}/kafka/{function}`; undefined if each function has its own URL. */
  readonly url: string | undefined;
  /** The URL of each function, without a path; undefined if there is one base. */
  readonly urls: Readonly<Record<FrameFunction, string>> | undefined;
  /** Lets a role send requests to one function. */
  grantCall(grantee: IGrantable, name: FrameFunction): Grant;
}

export interface FrontDoorProps {
  readonly functions: Readonly<Record<FrameFunction, IFunction>>;
  /** The prefix of names. */
  readonly prefix: string;
  readonly throttling: Throttling;
  readonly logRetentionDays: LogRetentionDays;
}

/** The path of a function at a front door with one base, as the tunnel requests it. */
export function pathOf(name: FrameFunction): string {
  return `/kafka/${name}`;
}
