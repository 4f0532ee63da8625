import { vouchedFor } from '../../auth/principal.ts';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import { rowOf } from '../../broker/served.ts';
import { sleep } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import { Slots } from '../../kit/slots.ts';
import type { RequestFrame } from '../../wire/frame.ts';
import { answered, sendFrames, type TunnelEnvironment } from './environment.ts';
import { backoffMs, mayPass, PATIENCE_MS } from './retry.ts';
import { LONE_REQUESTS_MAX } from './transport.ts';

/**
 * The least time between two calls for one request, ms. A function normally waits most of its 25 s
 * before it answers `again`; this limits the rate if it answers at once.
 */
const AGAIN_INTERVAL_MS = 200;

/**
 * Sends requests other than Produce one per call: a waiting one (a fetch, a join) would delay the
 * others.
 */
export class LoneRequests {
  readonly #env: TunnelEnvironment;
  readonly #slots: Readonly<Record<FrameFunction, Slots>>;

  constructor(env: TunnelEnvironment) {
    this.#env = env;
    this.#slots = Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, new Slots(LONE_REQUESTS_MAX)])) as Record<
      FrameFunction,
      Slots
    >;
  }

  /**
   * Sends a frame until it has its answer. `again` is followed while the client is connected. A
   * request that was certainly not carried out, or is repeatable, is retried for PATIENCE_MS. After
   * that the connection has to be closed.
   */
  async send(request: RequestFrame, context: RequestContext): Promise<FrameOutcome> {
    const sent = this.#send(request, context);
    // A waiting request changes nothing that the client does not ask for again.
    const waits = rowOf(request.head.apiKey)?.progress === 'waiting';
    return waits ? unlessDrained(sent, context) : sent;
  }

  async #send({ bytes: frame, head }: RequestFrame, context: RequestContext): Promise<FrameOutcome> {
    const { clock, random, trouble } = this.#env;
    const { host, listener, signal } = context;
    const principal = vouchedFor(context.principal);
    const { apiKey } = head;
    const name = functionOf(apiKey);
    let token: string | undefined;
    let troubleSince: number | undefined;
    for (let tries = 1; ; ) {
      const sentAt = clock.monotonic();
      const sent = await this.#slots[name].run(() =>
        sendFrames(this.#env, name, listener, [{ frame, host, token, principal }]),
      );
      if (sent.kind === 'answers') {
        const answer = sent.answers[0]!;
        if (answer.kind === 'answer') return answered(answer.chunks);
        if (answer.kind !== 'again') return answer;
        if (signal.aborted) return { kind: 'close', reason: 'the client no longer waits for the answer' };
        token = answer.token;
        troubleSince = undefined;
        tries = 1;
        await sleep(clock, AGAIN_INTERVAL_MS - (clock.monotonic() - sentAt), signal);
        continue;
      }
      const reason = trouble.tell(name, sent);
      troubleSince ??= sentAt;
      const canRepeat = mayPass(sent) || (sent.kind === 'unknown' && rowOf(apiKey)?.isRepeatable === true);
      const isLate = clock.monotonic() - troubleSince >= PATIENCE_MS;
      if (!canRepeat || isLate || signal.aborted) return { kind: 'close', reason };
      await sleep(clock, backoffMs(random, tries), signal);
      tries++;
    }
  }
}

/**
 * The outcome, or `close` at once when the process drains: a waiting function does not learn of the
 * drain.
 */
function unlessDrained(sent: Promise<FrameOutcome>, context: RequestContext): Promise<FrameOutcome> {
  return new Promise((resolve, reject) => {
    const look = () => {
      // Only a drain sets a deadline. A client that has ended its side may still wait for the
      // answer.
      if (Number.isFinite(context.deadline)) resolve({ kind: 'close', reason: 'the gateway stops' });
    };
    context.signal.addEventListener('abort', look, { once: true });
    sent.then(resolve, reject).finally(() => context.signal.removeEventListener('abort', look));
  });
}
