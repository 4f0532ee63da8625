import { CommandError } from '../failure.ts';

/** What the library's errors have in common, as far as it matters here (PLT_KFK_* codes, causes, collected errors). */
interface LibraryError {
  readonly code?: string;
  readonly message: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly apiId?: string;
}

const LIBRARY_CODE = 'PLT_KFK_';

/** What this names as the reason for a failed connection, by the system's code. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it did not answer in time',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted: name its authority with ssl.ca.location',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted: name its authority with ssl.ca.location',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted: name its authority with ssl.ca.location',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** A connection that could not be made or was lost. Asking again can help after the second. */
export class ConnectionError extends CommandError {}

/** Whether an error is the library's way to say that a connection failed. */
export function isConnectionProblem(error: unknown): boolean {
  return error instanceof Error && String((error as LibraryError).code).startsWith(LIBRARY_CODE);
}

/**
 * The library's error in words that tell what to do.
 *
 * @param where the address, or several with commas between
 */
export function connectionProblem(error: unknown, where: string, { timeoutMs }: { timeoutMs: number }): CommandError {
  const all = [...chain(error)];
  if (all.some(({ code, apiId }) => code === 'PLT_KFK_AUTHENTICATION' || apiId === 'SASL_AUTHENTICATION_FAILED')) {
    return new CommandError(`${where} refused the login: check user name, password and mechanism in --client-config.`, {
      kafkaError: 'SASL_AUTHENTICATION_FAILED',
      cause: error,
    });
  }
  const reason = all.map(({ code }) => REASONS[code ?? '']).find((known) => known !== undefined);
  if (reason !== undefined) {
    const advice =
      reason === REASONS.ECONNREFUSED ? 'Start one with tidelog dev, or name' : 'Check the address, or name';
    return new ConnectionError(`No broker at ${where}: ${reason}. ${advice} another one with --bootstrap-server.`, {
      cause: error,
    });
  }
  if (all.some(({ message }) => /timed out/.test(message))) {
    return new ConnectionError(
      `${where} did not answer within ${timeoutMs} ms. Is it a Kafka address? A longer --timeout may help.`,
      { cause: error },
    );
  }
  if (all.some(({ message }) => /Connection (closed|error)/.test(message))) {
    return new ConnectionError(`${where} closed the connection. Is it a Kafka address, and without TLS?`, {
      cause: error,
    });
  }
  return new ConnectionError(`The connection to ${where} failed: ${all.at(-1)?.message ?? 'unknown'}.`, {
    cause: error,
  });
}

/** The error, what it collects and what caused it, outermost first. */
function* chain(error: unknown): Generator<LibraryError> {
  if (!(error instanceof Error)) return;
  const one = error as LibraryError;
  yield one;
  for (const collected of one.errors ?? []) yield* chain(collected);
  yield* chain(one.cause);
}
