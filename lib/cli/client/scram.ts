import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

/** The hash of each mechanism (RFC 5802, RFC 7677). */
const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
/** The minimum iterations of Kafka's ScramMechanism. */
const ITERATIONS_MIN = 4096;
/** Far more than brokers use. A server must not keep this program busy for minutes. */
const ITERATIONS_MAX = 10_000_000;
/** GS2 header without channel binding, in Base64. */
const CHANNEL_BINDING = 'biws';

export type ScramMechanism = keyof typeof HASHES;

export type ScramStep =
  | { readonly kind: 'message'; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** The client's side of one SCRAM login (RFC 5802). Call first, final and verify in this order. */
export class ScramLogin {
  readonly #hash: string;
  readonly #password: string;
  readonly #nonce: string;
  readonly #firstBare: string;
  #expected: Buffer = Buffer.alloc(0);

  /**
   * @param nonce printable characters without a comma, new for each login
   */
  constructor(mechanism: ScramMechanism, username: string, password: string, nonce: string) {
    this.#hash = HASHES[mechanism];
    this.#password = password;
    this.#nonce = nonce;
    this.#firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  }

  first(): string {
    return `n,,${this.#firstBare}`;
  }

  /** The answer to the server's first message. */
  final(serverFirst: string): ScramStep {
    const match = /^(?:m=[^,]*,)?r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)/.exec(serverFirst);
    if (match === null) return { kind: 'failed', reason: 'the broker sent no SCRAM challenge' };
    const [, nonce = '', salt = '', count] = match;
    const iterations = Number(count);
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      return { kind: 'failed', reason: "the broker's nonce does not begin with this login's" };
    }
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      return { kind: 'failed', reason: `the broker asks for ${iterations} iterations` };
    }
    const length = createHash(this.#hash).digest().length;
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), iterations, length, this.#hash);
    const clientKey = this.#hmac(salted, 'Client Key');
    const storedKey = createHash(this.#hash).update(clientKey).digest();
    const withoutProof = `c=${CHANNEL_BINDING},r=${nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const signature = this.#hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!));
    this.#expected = this.#hmac(this.#hmac(salted, 'Server Key'), authMessage);
    return { kind: 'message', message: `${withoutProof},p=${proof.toString('base64')}` };
  }

  /** Whether the server's last message proves that it knows the password. */
  verify(serverFinal: string): boolean {
    const match = /^v=([A-Za-z0-9+/=]+)/.exec(serverFinal);
    const given = Buffer.from(match?.[1] ?? '', 'base64');
    return given.length === this.#expected.length && timingSafeEqual(given, this.#expected);
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest();
  }
}
