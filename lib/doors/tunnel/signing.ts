import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Credentials, Identity } from './credentials.ts';

/** The AWS service and region that a host name stands for. */
export interface SigningScope {
  readonly service: 'execute-api' | 'lambda';
  /** Undefined for a custom domain name. */
  readonly region: string | undefined;
}

/**
 * Function URLs have `lambda-url` in their names, followed by the region; API Gateway has
 * `execute-api`.
 */
export function scopeOfHost(hostname: string): SigningScope {
  const [, kind, region] = /(?:^|\.)(lambda-url|execute-api)\.([a-z]{2,}(?:-[a-z]+)+-\d+)\./.exec(hostname) ?? [];
  const isFunctionUrl = kind === 'lambda-url' || /(?:^|\.)lambda-url\./.test(hostname);
  return { service: isFunctionUrl ? 'lambda' : 'execute-api', region };
}

/** One request to sign. */
export interface Unsigned {
  /** Default: POST. */
  readonly method?: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Signs requests with Signature Version 4. */
export interface Signer {
  /** The headers to send, including the signature. Rejects if there are no credentials. */
  sign(request: Unsigned): Promise<Record<string, string>>;
  /**
   * Called when a service refused a signature. `serverTime` is its Date header, ms. True if the
   * next signature will differ: the clock was wrong and is now corrected, or there are new
   * credentials.
   */
  refused(serverTime: number): Promise<boolean>;
}

/**
 * AWS refuses signatures that are 5 minutes off. A smaller difference is not blamed on the clock.
 */
const SKEW_MS_MIN = 60_000;

/**
 * The least time between two reloads of refused credentials. A reload may run a program or call a
 * service.
 */
const REFRESH_INTERVAL_MS = 30_000;

/** Loads the SDK's signer. `scope` must have a region. */
export async function signerFor(
  scope: { readonly service: string; readonly region: string },
  credentials: Credentials,
  clock: Clock,
): Promise<Signer> {
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const signer = new SignatureV4({ ...scope, credentials: () => credentials(), sha256: Sha256 });
  let skewMs = 0;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let last: Identity | undefined;
  return {
    async sign({ method = 'POST', url, headers, body }) {
      last = await credentials();
      const signed = await signer.sign(
        {
          method,
          protocol: url.protocol,
          hostname: url.hostname,
          ...(url.port !== '' && { port: Number(url.port) }),
          path: url.pathname,
          query: {},
          headers: { ...headers, host: url.host },
          body,
        },
        { signingDate: new Date(clock.now() + skewMs) },
      );
      return signed.headers;
    },
    async refused(serverTime) {
      const measured = serverTime - clock.now();
      if (!Number.isNaN(measured) && Math.abs(measured - skewMs) > SKEW_MS_MIN) {
        skewMs = measured;
        return true;
      }
      if (clock.monotonic() - refreshedAt < REFRESH_INTERVAL_MS) return false;
      refreshedAt = clock.monotonic();
      const before = last;
      const after = await credentials({ forceRefresh: true }).catch(() => undefined);
      return (
        after !== undefined &&
        (after.accessKeyId !== before?.accessKeyId || after.sessionToken !== before?.sessionToken)
      );
    },
  };
}

/** SHA-256 and HMAC-SHA-256, in the signer's interface. */
class Sha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
