import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ERROR_CODES } from '../../lib/core/errors.ts';
import { ApiKey, apis, type RequestBody } from '../../lib/wire/apis.ts';
import { encodeResponse } from '../../lib/wire/frame.ts';
import { decodeRequest } from './decode-request.ts';
import { withSize } from './raw-client.ts';
import { TEST_CERTIFICATE, TEST_CERTIFICATE_KEY } from './tls-certificate.ts';

export interface FrontOptions {
  /** The port on 127.0.0.1 of what stands behind. */
  readonly port: number;
  readonly tls?: boolean;
  /** Who may log in; nobody has to when left out. */
  readonly login?: { readonly mechanism: string; readonly username: string; readonly password: string };
  /** Answers a SCRAM login with a wrong signature. */
  readonly isImpostor?: boolean;
}

const ITERATIONS = 4096;
const SALT = Buffer.from('salt of the front');

/** Stands before a broker, takes TLS off, asks for a login as Kafka does, and passes everything else on. */
export function createFront(options: FrontOptions): Server {
  const onConnection = (socket: Socket) => new FrontConnection(socket, options);
  if (!options.tls) return createServer(onConnection);
  return createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE_KEY }, onConnection);
}

class FrontConnection {
  readonly #socket: Socket;
  readonly #options: FrontOptions;
  #received = Buffer.alloc(0);
  #behind: Socket | undefined;
  /** What the SCRAM exchange said so far. */
  #said: string[] = [];
  #mechanism = '';

  constructor(socket: Socket, options: FrontOptions) {
    this.#socket = socket;
    this.#options = options;
    if (options.login === undefined) this.#open();
    socket.on('error', () => socket.destroy()).on('close', () => this.#behind?.destroy());
    socket.on('data', (chunk) => this.#onData(chunk));
  }

  #open(): void {
    this.#behind = connect({ host: '127.0.0.1', port: this.#options.port });
    this.#behind.on('data', (chunk) => this.#socket.write(chunk));
    this.#behind.on('error', () => this.#socket.destroy()).on('close', () => this.#socket.end());
  }

  #onData(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const end = 4 + this.#received.readInt32BE(0);
      const frame = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      if (this.#behind === undefined) this.#logIn(frame);
      else this.#behind.write(withSize(frame));
    }
  }

  #logIn(frame: Buffer): void {
    const request = decodeRequest(frame);
    if (request.kind !== 'request') throw new Error(`the front was sent ${request.kind}`);
    const { apiVersion, correlationId } = request.header;
    const reply = (chunks: Buffer[]) => this.#socket.write(Buffer.concat(chunks));
    if (request.api.key === ApiKey.SaslHandshake) {
      const { mechanism } = request.body as RequestBody<typeof ApiKey.SaslHandshake>;
      const own = this.#options.login!.mechanism;
      this.#mechanism = mechanism;
      const errorCode = mechanism === own ? 0 : ERROR_CODES.UNSUPPORTED_SASL_MECHANISM;
      reply(encodeResponse(apis[ApiKey.SaslHandshake], apiVersion, correlationId, { errorCode, mechanisms: [own] }));
      return;
    }
    if (request.api.key !== ApiKey.SaslAuthenticate) throw new Error(`${request.api.name} came before the login`);
    const { authBytes } = request.body as RequestBody<typeof ApiKey.SaslAuthenticate>;
    const answer = this.#mechanism === 'PLAIN' ? this.#plain(authBytes) : this.#scram(authBytes.toString());
    const body =
      answer === undefined
        ? {
            errorCode: ERROR_CODES.SASL_AUTHENTICATION_FAILED,
            errorMessage: 'Authentication failed.',
            authBytes: Buffer.alloc(0),
          }
        : { errorCode: 0, errorMessage: null, authBytes: Buffer.from(answer) };
    reply(encodeResponse(apis[ApiKey.SaslAuthenticate], apiVersion, correlationId, body));
  }

  /** The answer; undefined to refuse. */
  #plain(bytes: Buffer): string | undefined {
    const { username, password } = this.#options.login!;
    if (bytes.toString() !== `\0${username}\0${password}`) return undefined;
    this.#open();
    return '';
  }

  /** The server's side of RFC 5802. */
  #scram(message: string): string | undefined {
    const { mechanism, username, password } = this.#options.login!;
    if (this.#said.length === 0) {
      const bare = message.slice('n,,'.length);
      if (!bare.startsWith(`n=${username},`)) return undefined;
      const challenge = `r=${bare.split('r=')[1]}server,s=${SALT.toString('base64')},i=${ITERATIONS}`;
      this.#said = [bare, challenge];
      return challenge;
    }
    const hash = mechanism === 'SCRAM-SHA-512' ? 'sha512' : 'sha256';
    const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest();
    const length = createHash(hash).digest().length;
    const salted = pbkdf2Sync(password, SALT, ITERATIONS, length, hash);
    const [withoutProof = '', proof = ''] = message.split(',p=');
    const said = [...this.#said, withoutProof].join(',');
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash(hash).update(clientKey).digest(), said);
    const expected = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!));
    if (proof !== expected.toString('base64')) return undefined;
    this.#open();
    const own = hmac(hmac(salted, this.#options.isImpostor ? 'Another Key' : 'Server Key'), said);
    return `v=${own.toString('base64')}`;
  }
}
