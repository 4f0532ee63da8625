import { ERROR_CODES } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { ApiKey } from '../../wire/apis.ts';
import type { CommandError } from '../failure.ts';
import type { ClientConfig } from './client-config.ts';
import type { Connection } from './connection.ts';
import { type ConnectionFailure, connectionProblem } from './connection-problem.ts';
import { ScramLogin } from './scram.ts';

export type Sasl = NonNullable<ClientConfig['sasl']>;

export interface LoginOptions {
  readonly sasl: Sasl;
  readonly random: Random;
  /** The address, for error messages. */
  readonly where: string;
  readonly timeoutMs: number;
}

/** From version 1 on, the exchange continues in SaslAuthenticate (KIP-152). */
const HANDSHAKE_VERSION = 1;
/** All brokers that have handshake 1 support this version. */
const AUTHENTICATE_VERSION = 0;
const NONCE_BYTES = 24;

/** Authenticates a new connection before any other request. Throws CommandError. */
export async function logIn(connection: Connection, options: LoginOptions): Promise<void> {
  const { sasl, random, where, timeoutMs } = options;
  const refused = (message?: string | null): CommandError => {
    const failure: ConnectionFailure = { kind: 'login', ...(message && { message }) };
    return connectionProblem(failure, where, options);
  };
  const say = async (text: string): Promise<string> => {
    const body = { authBytes: Buffer.from(text) };
    const answer = await connection.request(ApiKey.SaslAuthenticate, AUTHENTICATE_VERSION, body, timeoutMs);
    if (answer.errorCode !== 0) throw refused(answer.errorMessage);
    return answer.authBytes.toString();
  };
  const { mechanism, username, password } = sasl;
  const handshake = await connection.request(ApiKey.SaslHandshake, HANDSHAKE_VERSION, { mechanism }, timeoutMs);
  if (handshake.errorCode === ERROR_CODES.UNSUPPORTED_SASL_MECHANISM) {
    throw refused(`it takes ${handshake.mechanisms.join(', ') || 'no mechanism'}, not ${mechanism}`);
  }
  if (handshake.errorCode !== 0) throw refused();
  if (mechanism === 'PLAIN') {
    await say(`\0${username}\0${password}`);
    return;
  }
  const login = new ScramLogin(mechanism, username, password, random.bytes(NONCE_BYTES).toString('base64'));
  const step = login.final(await say(login.first()));
  if (step.kind === 'failed') throw refused(step.reason);
  if (!login.verify(await say(step.message))) throw refused('the broker does not know the password itself');
}
