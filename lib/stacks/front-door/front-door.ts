import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { FrameFunction } from '../../broker/apis.ts';
import type { LogRetentionDays, Throttling } from '../stages.ts';

/** The entrance for frames. Every route requires an IAM signature. */
export interface FrontDoor {
  /** What `tidelog gateway --via` takes: a base URL, or `produce=URL,fetch=URL,...`. */
  readonly via: string;
  /**
   * The base of `POST {base}/kafka/{function}`; undefined where each function has a URL of its own.
   */
  readonly url: string | undefined;
  /** The URL of each function, without a path behind it; undefined where there is one base. */
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

/** The path of a function at a front door with one base (the tunnel's contract). */
export function pathOf(name: FrameFunction): string {
  return `/kafka/${name}`;
}
