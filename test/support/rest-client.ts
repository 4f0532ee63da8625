import { systemClock } from '../../lib/core/clock.ts';
import { signerFor } from '../../lib/doors/tunnel/signing.ts';

/** Keys and the service that checks them. */
export interface SignedBy {
  readonly service: 'execute-api' | 'lambda';
  readonly region: string;
  readonly keys: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Sends requests of REST to an address, signed if asked to, and reads the answers as JSON. */
export function restClient(base: string, signedBy?: SignedBy) {
  const signer = signedBy && signerFor(signedBy, async () => signedBy.keys, systemClock);
  return async (
    method: string,
    path: string,
    value?: unknown,
    given: Readonly<Record<string, string>> = {},
    // biome-ignore lint/suspicious/noExplicitAny: each test knows the form of the answer that it asks for
  ): Promise<{ status: number; json: any }> => {
    const type = path.startsWith('/v3') ? 'application/json' : 'application/vnd.kafka.v2+json';
    const url = new URL(base + path);
    const body = Buffer.from(value === undefined ? '' : JSON.stringify(value));
    const unsigned: Readonly<Record<string, string>> = {
      ...(value === undefined ? {} : { 'content-type': type }),
      ...given,
    };
    const { host: _, ...headers } =
      signer === undefined ? unsigned : await (await signer).sign({ method, url, headers: unsigned, body });
    const response = await fetch(url, { method, headers, ...(value !== undefined && { body }) });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
  };
}
