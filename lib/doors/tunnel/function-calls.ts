import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';
import { sleep } from '../../core/clock.ts';
import { Slots } from '../../kit/slots.ts';
import { ENVELOPE_FRAMES_MAX, type EnvelopeAnswer, type EnvelopeFrame } from './envelope.ts';
import { type SendOutcome, sendFrames, type TunnelEnvironment } from './environment.ts';
import { backoffMs, mayPass, PATIENCE_MS } from './retry.ts';
import { FLUSH_BYTES_MAX, LONE_REQUESTS_MAX } from './transport.ts';

/** A frame on its way to a function. */
export interface FrameToSend extends EnvelopeFrame {
  /** The listener that received it. Frames of one call have the same. */
  readonly listener: string;
  /** Aborts when its client goes: it is not repeated after that. */
  readonly signal: AbortSignal;
  /** It may be carried out twice, so it is sent again if an answer is lost. */
  readonly isRepeatable: boolean;
}

/**
 * Calls functions for all requests but Produce: at most LONE_REQUESTS_MAX calls at a time to one
 * function, each repeated while that helps.
 */
export class FunctionCalls {
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
   * Sends frames together. Resolves with an answer for each; never rejects. A frame that was
   * certainly not carried out, or is repeatable, is sent again for PATIENCE_MS. After that its
   * connection has to be closed.
   */
  async carry(name: FrameFunction, frames: readonly FrameToSend[]): Promise<readonly EnvelopeAnswer[]> {
    const { clock, random, trouble, changes } = this.#env;
    const since = clock.monotonic();
    const answers: EnvelopeAnswer[] = [];
    let pending = [...frames.keys()];
    for (let tries = 1; ; tries++) {
      const sent = await this.#slots[name].run(() => {
        const { listener } = frames[0]!;
        return sendFrames(
          this.#env,
          name,
          listener,
          pending.map((at) => frames[at]!),
        );
      });
      if (sent.kind === 'answers') {
        for (const [index, at] of pending.entries()) answers[at] = sent.answers[index]!;
        changes.tell(sent.answers.flatMap(changedBy));
        return answers;
      }
      const reason = trouble.tell(name, sent);
      if (pending.length > 1 && mayBeOneFrame(sent)) {
        const each = await Promise.all(pending.map((at) => this.carry(name, [frames[at]!])));
        for (const [index, at] of pending.entries()) answers[at] = each[index]![0]!;
        return answers;
      }
      const isLate = clock.monotonic() - since >= PATIENCE_MS;
      const mayRepeat = ({ isRepeatable, signal }: FrameToSend) =>
        !isLate && !signal.aborted && (mayPass(sent) || (sent.kind === 'unknown' && isRepeatable));
      for (const at of pending) if (!mayRepeat(frames[at]!)) answers[at] = { kind: 'close', reason };
      pending = pending.filter((at) => answers[at] === undefined);
      if (pending.length === 0) return answers;
      const [only] = pending;
      await sleep(clock, backoffMs(random, tries), pending.length === 1 ? frames[only!]!.signal : undefined);
    }
  }
}

/** Splits what is sent together into what one envelope may carry. */
export function inEnvelopes<T>(sent: readonly T[], bytesOf: (one: T) => number): T[][] {
  const envelopes: T[][] = [];
  let room = 0;
  for (const one of sent) {
    room -= bytesOf(one);
    const current = envelopes.at(-1);
    if (current !== undefined && room >= 0 && current.length < ENVELOPE_FRAMES_MAX) current.push(one);
    else {
      envelopes.push([one]);
      room = FLUSH_BYTES_MAX - bytesOf(one);
    }
  }
  return envelopes;
}

function changedBy(answer: EnvelopeAnswer): readonly string[] {
  const advice = 'advice' in answer ? answer.advice : undefined;
  return advice?.hasChanged === true ? (advice.about ?? []) : [];
}

/** The call was refused for what it carries, which may be one of its frames. */
function mayBeOneFrame(sent: SendOutcome): boolean {
  return sent.kind === 'refused' && ['tooLarge', 'rejected', 'missing'].includes(sent.reason);
}
