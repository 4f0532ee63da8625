import type { InvokeCommandOutput } from '@aws-sdk/client-lambda';
import type { FrameFunction } from '../../broker/apis.ts';
import { httpAgents } from '../../core/http-agents.ts';
import { USER_AGENT } from '../../core/user-agent.ts';
import type { Credentials } from './credentials.ts';
import {
  ANSWER_TIMEOUT_MS,
  type CallOutcome,
  CONNECT_TIMEOUT_MS,
  IDLE_CONNECTION_MS,
  type RefusalReason,
  SOCKETS_MAX,
  type Transport,
} from './transport.ts';

export interface LambdaTransportOptions {
  /** Functions are named PREFIX-produce and so on. */
  readonly prefix: string;
  /** Default: the AWS SDK's region. The endpoint always comes from the SDK. */
  readonly region?: string | undefined;
  readonly credentials: Credentials;
}

/** Exceptions of Invoke that are raised before the function runs. */
const REFUSALS: Readonly<Record<string, RefusalReason>> = {
  AccessDeniedException: 'forbidden',
  UnrecognizedClientException: 'forbidden',
  InvalidSignatureException: 'forbidden',
  InvalidClientTokenId: 'forbidden',
  ExpiredTokenException: 'forbidden',
  IncompleteSignatureException: 'forbidden',
  MissingAuthenticationTokenException: 'forbidden',
  ResourceNotFoundException: 'missing',
  TooManyRequestsException: 'throttled',
  ThrottlingException: 'throttled',
  RequestTooLargeException: 'tooLarge',
  InvalidRequestContentException: 'rejected',
  ValidationException: 'rejected',
  InvalidParameterValueException: 'rejected',
  CredentialsProviderError: 'credentials',
};

/** By the statuses in a function's answer. */
const STATUS_REFUSALS: ReadonlyMap<number, RefusalReason> = new Map([
  [400, 'rejected'],
  [401, 'forbidden'],
  [403, 'forbidden'],
  [404, 'missing'],
  [413, 'tooLarge'],
  [415, 'rejected'],
  [421, 'missing'],
]);

/**
 * Errors after which a second attempt differs: the SDK has corrected its clock, or there are new
 * credentials.
 */
const CLOCK_WRONG = 'InvalidSignatureException';
const EXPIRED = 'ExpiredTokenException';

/** Calls functions by Lambda's Invoke, without an HTTP front. */
export async function lambdaTransport({ prefix, region, credentials }: LambdaTransportOptions): Promise<Transport> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const connect = () =>
    new LambdaClient({
      credentials: () => credentials(),
      customUserAgent: USER_AGENT,
      ...(region !== undefined && { region }),
      // Retries are decided here: the first attempt may have been carried out.
      retryMode: 'standard',
      maxAttempts: 1,
      requestHandler: {
        ...httpAgents({ sockets: SOCKETS_MAX, connectMs: CONNECT_TIMEOUT_MS, idleMs: IDLE_CONNECTION_MS }),
        // The SDK's time-out also counts waiting for a connection; the agents' does not.
        connectionTimeout: 0,
        socketTimeout: 0,
        requestTimeout: ANSWER_TIMEOUT_MS,
        throwOnRequestTimeout: true,
      },
    });
  let client = connect();
  /** A client keeps credentials without an expiry time, so new ones need a new client. */
  const hasNewCredentials = async () => {
    const isThere = await credentials({ forceRefresh: true }).then(
      () => true,
      () => false,
    );
    // The old client finishes its running requests, and its connections then close.
    if (isThere) client = connect();
    return isThere;
  };
  const invoke = (name: FrameFunction, envelope: Buffer) =>
    client.send(
      new InvokeCommand({
        FunctionName: `${prefix}-${name}`,
        Payload: Buffer.from(JSON.stringify({ tidelog: 'frames', body: envelope.toString('base64') })),
      }),
    );
  return {
    target: `Lambda ${prefix}-*`,
    permission: 'lambda:InvokeFunction',
    describe: (name) => `the function ${prefix}-${name}`,
    async call(name, envelope) {
      for (let tries = 1; ; tries++) {
        try {
          return outcomeOfInvoke(await invoke(name, envelope));
        } catch (error) {
          const { name: what } = error as Error;
          if (tries === 1 && what === CLOCK_WRONG) continue;
          if (tries === 1 && what === EXPIRED && (await hasNewCredentials())) continue;
          return outcomeOfException(error);
        }
      }
    },
    close: () => client.destroy(),
  };
}

/** What Invoke's answer means. A function that failed may have done its work first. */
export function outcomeOfInvoke({
  FunctionError,
  Payload,
}: Pick<InvokeCommandOutput, 'FunctionError' | 'Payload'>): CallOutcome {
  const text = Payload === undefined ? '' : Buffer.from(Payload).toString();
  if (FunctionError !== undefined) return { kind: 'unknown', message: `the function failed: ${messageIn(text)}` };
  let parsed: { body?: unknown; error?: { status?: unknown; message?: unknown } } | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { kind: 'unknown', message: 'the function answered with something that is not JSON' };
  }
  if (typeof parsed?.body === 'string') return { kind: 'answered', body: Buffer.from(parsed.body, 'base64') };
  if (parsed?.error === undefined) {
    return { kind: 'refused', reason: 'missing', message: 'it answers as no function of Tidelog does' };
  }
  const status = Number(parsed.error.status);
  const message = `${status}: ${String(parsed.error.message)}`;
  const reason = STATUS_REFUSALS.get(status);
  return reason === undefined ? { kind: 'unknown', message } : { kind: 'refused', reason, message };
}

/** What an exception of the SDK means. */
export function outcomeOfException(error: unknown): CallOutcome {
  const {
    name = '',
    message: text = String(error),
    $metadata,
    code,
    syscall,
  } = error as {
    name?: string;
    message?: string;
    code?: string;
    syscall?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const message = `${name}: ${text}`;
  const reason = REFUSALS[name];
  if (reason !== undefined) return { kind: 'refused', reason, message };
  const status = $metadata?.httpStatusCode;
  if (status === 429) return { kind: 'refused', reason: 'throttled', message };
  if (status === 403) return { kind: 'refused', reason: 'forbidden', message };
  const neverConnected =
    syscall === 'connect' || syscall === 'getaddrinfo' || code === 'ENOTFOUND' || code === 'ECONNREFUSED';
  if (neverConnected) return { kind: 'refused', reason: 'unreachable', message };
  if (/Region is missing/.test(text)) return { kind: 'refused', reason: 'credentials', message: text };
  return { kind: 'unknown', message };
}

function messageIn(text: string): string {
  try {
    const { errorMessage } = JSON.parse(text) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : text;
  } catch {
    return text;
  }
}
