import type { StoreTime } from '../ports.ts';
import type { StoreClock } from '../store-clock.ts';

/**
 * The part of a command's middleware stack that is used here. The clients' own types differ only in
 * their commands.
 */
interface MiddlewareStack {
  // biome-ignore lint/suspicious/noExplicitAny: each client has middleware types of its own, which no common one fits
  add(middleware: any, options: any): void;
}

interface HttpMessage {
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Thrown through the SDK when an attempt would be signed too late; it was not sent. */
export class StaleSignatureError extends Error {
  override readonly name = 'StaleSignatureError';
}

/** The `Date` header counts whole seconds. */
export const DATE_GRANULARITY_MS = 1000;

/** Filled in while a command is sent. */
export interface WireRecord {
  /** The store time at which the answer was given; NaN without one. */
  storeTime: StoreTime;
}

/**
 * Watches a command at the last step before the socket: refuses an attempt whose signature carries
 * a time at or after `signBefore` (R3 is about the time in the signature, not the time of the
 * call), and reads the store's time from the answer, be it a success or an error.
 */
export function watchWire(
  command: { readonly middlewareStack: MiddlewareStack },
  storeClock: StoreClock,
  signBefore: StoreTime | undefined,
): WireRecord {
  const record: WireRecord = { storeTime: Number.NaN };
  const watch =
    (next: (args: { request: HttpMessage }) => Promise<{ response: HttpMessage }>) =>
    async (args: { request: HttpMessage }) => {
      const signedAt = signingTime(args.request);
      if (signBefore !== undefined && !(signedAt < signBefore)) {
        throw new StaleSignatureError(`signed at ${signedAt}, allowed before ${signBefore}`);
      }
      const sentAt = storeClock.sending();
      const result = await next(args);
      const told = Date.parse(result.response.headers?.date ?? '');
      record.storeTime = Number.isNaN(told) ? storeClock.now() : storeClock.observe(told, sentAt);
      return result;
    };
  // Low priority in the last step: inside retries, signing and the parsing that turns error answers
  // into exceptions.
  command.middlewareStack.add(watch, { step: 'deserialize', priority: 'low', name: 'tidelogWire' });
  return record;
}

/**
 * The time in `x-amz-date` (20260131T235959Z), ms since the Unix epoch; NaN if the request carries
 * none.
 */
function signingTime(request: HttpMessage): StoreTime {
  const header = request.headers?.['x-amz-date'] ?? '';
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(header) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
