import { ANONYMOUS_PRINCIPAL, type RequestContext } from '../../core/context.ts';
import { decodeText } from '../../wire/text.ts';

/** Offset of the client id's length in a request header: behind API key, version and correlation id. */
const CLIENT_ID_OFFSET = 8;

/**
 * Makes the contexts of one connection's requests. A connection keeps its client id as a rule, so requests share one
 * object for as long as it does.
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

  /** The context of a request frame. */
  of(frame: Buffer): RequestContext {
    const clientId = clientIdOf(frame);
    if (this.#last?.clientId === clientId) return this.#last;
    const deadline = this.#deadline;
    this.#last = {
      principal: ANONYMOUS_PRINCIPAL,
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

/** The header's client id; '' for none or for a header that is cut off, which the handler will refuse. */
function clientIdOf(frame: Buffer): string {
  const start = CLIENT_ID_OFFSET + 2;
  if (frame.length < start) return '';
  const length = frame.readInt16BE(CLIENT_ID_OFFSET);
  if (length <= 0 || start + length > frame.length) return '';
  return decodeText(frame, start, start + length);
}
