import { type Address, isLoopback, PORT_MAX, reachableProblem } from './listeners.ts';
import type { RawSettings } from './schema.ts';

/** The value that switches the REST interface off. */
const NO_REST = 'none';
const REST_ADDRESS = /^http:\/\/(\[[0-9a-fA-F:.%]+\]|[^:[\]/\s]*):(\d{1,5})\/?$/;

export type RestOutcome =
  | { readonly kind: 'rest'; readonly address: Address | undefined }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Reads where the REST interface is served; undefined: it is not. There is no login there either. */
export function readRestListener(raw: RawSettings): RestOutcome {
  const text = raw.restListeners?.trim();
  if (text === undefined || text.toLowerCase() === NO_REST) return { kind: 'rest', address: undefined };
  const match = REST_ADDRESS.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > PORT_MAX) {
    const example = `write http://HOST:PORT, for example http://127.0.0.1:8082, or ${NO_REST}`;
    return { kind: 'invalid', problems: [`rest.listeners: "${text}" is no address; ${example}.`] };
  }
  const host = match[1]!.replace(/^\[|\]$/g, '');
  if (!isLoopback(host) && !raw.allowAnonymous) {
    return { kind: 'invalid', problems: [reachableProblem('rest.listeners: REST', host)] };
  }
  return { kind: 'rest', address: { host, port } };
}
