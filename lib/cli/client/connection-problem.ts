import { CommandError } from '../failure.ts';

/** Why a connection could not be made or was lost. */
export type ConnectionFailure =
  /** The system's error, with its code such as ECONNREFUSED, or TLS's error. */
  | { readonly kind: 'system'; readonly code: string | undefined; readonly message: string }
  /** No connection, or no answer, in time. */
  | { readonly kind: 'timeout' }
  /** The server closed it. */
  | { readonly kind: 'closed' }
  /** The bytes received are not an answer of a Kafka broker. */
  | { readonly kind: 'foreign' }
  /** The login was refused, with the broker's message if it sent one. */
  | { readonly kind: 'login'; readonly message?: string };

const UNTRUSTED = 'its certificate is not trusted: name its authority with ssl.ca.location';

/** The reason shown for a failed connection, by the system's error code. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'it did not answer in time',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: set security.protocol without SSL',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: set security.protocol without SSL',
};

/** A connection that could not be made or was lost. In the second case a retry can help. */
export class ConnectionError extends CommandError {
  readonly failure: ConnectionFailure;

  constructor(message: string, failure: ConnectionFailure) {
    super(message);
    this.failure = failure;
  }
}

/**
 * The failure as a sentence that says what to do.
 *
 * @param where the address, or several separated by commas
 */
export function connectionProblem(
  failure: ConnectionFailure,
  where: string,
  { timeoutMs }: { readonly timeoutMs: number },
): CommandError {
  switch (failure.kind) {
    case 'login': {
      const words = failure.message === undefined ? '' : ` (${failure.message.replace(/\.$/, '')})`;
      return new CommandError(
        `${where} refused the login${words}: check user name, password and mechanism in --client-config.`,
        { kafkaError: 'SASL_AUTHENTICATION_FAILED' },
      );
    }
    case 'timeout':
      return new ConnectionError(
        `${where} did not answer within ${timeoutMs} ms. Is it a Kafka address? A longer --timeout may help.`,
        failure,
      );
    case 'closed':
      return new ConnectionError(`${where} closed the connection. Is it a Kafka address, and without TLS?`, failure);
    case 'foreign':
      return new ConnectionError(`${where} did not answer as a Kafka broker does. Is it a Kafka address?`, failure);
    case 'system': {
      const reason = REASONS[failure.code ?? ''];
      if (reason === undefined)
        return new ConnectionError(`The connection to ${where} failed: ${failure.message}.`, failure);
      const advice =
        failure.code === 'ECONNREFUSED' ? 'Start one with tidelog dev, or name' : 'Check the address, or name';
      return new ConnectionError(
        `No broker at ${where}: ${reason}. ${advice} another one with --bootstrap-server.`,
        failure,
      );
    }
  }
}
