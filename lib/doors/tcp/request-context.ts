import { principalOfConnection } from '../../auth/principal.ts';
import type { RequestContext } from '../../core/context.ts';

/**
 * Makes the contexts of one connection's requests. A connection keeps its client id as a rule, so
 * requests share one object for as long as it does.
 */
export class ContextSource {
  readonly #host: string;
  readonly #listener: string;
  readonly #signal: AbortSignal;
  readonly #deadline: () => number;
  readonly #reserveAnswer: (bytes: number) => Promise<() => void>;
  #last: RequestContext | undefined;

  constructor(
    host: string,
    listener: string,
    signal: AbortSignal,
    deadline: () => number,
    reserveAnswer: (bytes: number) => Promise<() => void>,
  ) {
    this.#host = host;
    this.#listener = listener;
    this.#signal = signal;
    this.#deadline = deadline;
    this.#reserveAnswer = reserveAnswer;
  }

  /** The context of a request with this client id in its head; null for none. */
  of(clientIdGiven: string | null): RequestContext {
    const clientId = clientIdGiven ?? '';
    if (this.#last?.clientId === clientId) return this.#last;
    const deadline = this.#deadline;
    this.#last = {
      principal: principalOfConnection(),
      clientId,
      host: this.#host,
      listener: this.#listener,
      signal: this.#signal,
      reserveAnswer: this.#reserveAnswer,
      // Read when asked: a drain sets one for requests that have long begun.
      get deadline() {
        return deadline();
      },
    };
    return this.#last;
  }
}
