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

/** A function that says `again` has waited for most of its 25 s; one that says it at once is not asked in a hurry. ms. */
const AGAIN_INTERVAL_MS = 200;

/** Sends requests other than Produce, each by itself: one that waits (a fetch, a join) would hold the others up. */
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
   * Sends a frame until it has its answer. `again` is followed for as long as the client is there; what surely did nothing,
   * or may be done twice, is tried again for PATIENCE_MS. After that the connection is to be closed.
   */
  async send(request: RequestFrame, context: RequestContext): Promise<FrameOutcome> {
    const sent = this.#send(request, context);
    // It changes nothing that the client will not ask for again.
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
        if (signal.aborted) return { kind: 'close', reason: 'nobody waits for the answer any more' };
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

/** The outcome, or at once when the process is on its way out, which a function that waits does not hear of. */
function unlessDrained(sent: Promise<FrameOutcome>, context: RequestContext): Promise<FrameOutcome> {
  return new Promise((resolve, reject) => {
    const look = () => {
      // Only a drain sets a deadline; a client that has ended its side may still wait for the answer.
      if (Number.isFinite(context.deadline)) resolve({ kind: 'close', reason: 'the gateway stops' });
    };
    context.signal.addEventListener('abort', look, { once: true });
    sent.then(resolve, reject).finally(() => context.signal.removeEventListener('abort', look));
  });
}
