import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { FrameFunction } from '../../broker/apis.ts';
import type { RestRequest } from '../rights.ts';
import type { CalledFunction, JwtIssuer, LogRetentionDays, Throttling } from '../stages.ts';

/**
 * The entrance for frames and for REST. Every route requires an IAM signature; those of REST a token
 * instead, if an issuer is set.
 */
export interface FrontDoor {
  /** The value of `tidelog gateway --via`: a base URL, or `produce=URL,fetch=URL,...`. */
  readonly via: string;
  /** The base of `POST {base}/kafka/{function}`; undefined if each function has its own URL. */
  readonly url: string | undefined;
  /** The URL of each function, without a path; undefined if there is one base. */
  readonly urls: Readonly<Record<FrameFunction, string>> | undefined;
  /** The base of the paths of REST, without a slash at its end. */
  readonly restUrl: string;
  /** Lets a role send requests to one function. */
  grantCall(grantee: IGrantable, name: FrameFunction): Grant;
  /** Lets a role make requests of REST. A function URL knows no paths: there it is all of them. */
  grantRest(grantee: IGrantable, requests: readonly RestRequest[]): Grant;
}

export interface FrontDoorProps {
  readonly functions: Readonly<Record<CalledFunction, IFunction>>;
  /** The prefix of names. */
  readonly prefix: string;
  /** Undefined: REST asks for IAM signatures. */
  readonly jwt: JwtIssuer | undefined;
  /** Whether `rest` sends its answers as streams; only for a REST API. */
  readonly streaming: boolean;
  readonly throttling: Throttling;
  /** A function URL has none in any case. */
  readonly accessLog: boolean;
  readonly logRetentionDays: LogRetentionDays;
}

/**
 * The paths of REST at API Gateway, each with all methods. They leave those of frames alone, so that
 * no request for a function ever reaches another one.
 */
export const REST_PATHS = [
  '/',
  '/healthz',
  '/openapi.json',
  '/brokers',
  '/topics',
  '/topics/{proxy+}',
  '/consumers/{proxy+}',
  '/v3/{proxy+}',
  // The page that tails a topic.
  '/ui/{proxy+}',
] as const;

/** The path of a function at a front door with one base, as the tunnel requests it. */
export function pathOf(name: FrameFunction): string {
  return `/kafka/${name}`;
}
