import type { FrameFunction } from '../../broker/apis.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Transport, Trouble } from './transport.ts';

/** Each kind of trouble is logged at most once in this many ms, however many requests meet it. */
const INTERVAL_MS = 30_000;

interface Told {
  readonly at: number;
  suppressed: number;
}

/** Logs that functions cannot be called, in sentences that say what to do. */
export class TroubleLog {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #told = new Map<string, Told>();

  constructor(transport: Transport, clock: Clock, logger: Logger) {
    this.#transport = transport;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Records a failed call of `name`. Returns the sentence, for the caller that closes a connection
   * because of it.
   */
  tell(name: FrameFunction, trouble: Trouble): string {
    const message = troubleText(this.#transport, name, trouble);
    const kind = trouble.kind === 'refused' ? trouble.reason : trouble.kind;
    const key = `${name}/${kind}`;
    const now = this.#clock.monotonic();
    const told = this.#told.get(key);
    if (told !== undefined && now - told.at < INTERVAL_MS) {
      told.suppressed++;
      return message;
    }
    this.#told.set(key, { at: now, suppressed: 0 });
    const passes = kind === 'throttled' || kind === 'unreachable' || kind === 'unknown';
    this.#logger.log(passes ? 'warn' : 'error', {
      event: 'function_call_failed',
      function: name,
      reason: kind,
      message,
      ...(told !== undefined && told.suppressed > 0 && { alsoSinceLastTold: told.suppressed }),
    });
    return message;
  }
}

/** What is wrong, why, and what to do, in a sentence or two. */
export function troubleText(transport: Transport, name: FrameFunction, trouble: Trouble): string {
  const target = transport.describe(name);
  const { message } = trouble;
  if (trouble.kind === 'unknown') return `No answer from ${target}: ${message}. It may have been carried out.`;
  switch (trouble.reason) {
    case 'forbidden':
      return `The credentials may not call ${target}, or have run out: ${message}. They need ${transport.permission}; log in again (aws sso login), or ask for that right.`;
    case 'credentials':
      return `There are no AWS credentials to call ${target} with: ${message}. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in (aws sso login).`;
    case 'missing':
      return `There is no Tidelog at ${target}: ${message}. Check --via against the outputs of the Service stack, and the region.`;
    case 'throttled':
      return `${target} has too many requests: ${message}. Raise the concurrency of the functions or the throttling of the API if this continues.`;
    case 'unreachable':
      return `${target} cannot be reached: ${message}. Check the address and the network; proxies are not used.`;
    case 'tooLarge':
      return `${target} does not take a request of this size: ${message}.`;
    case 'rejected':
      return `${target} does not understand the request: ${message}. Gateway and functions may be of different versions.`;
  }
}
