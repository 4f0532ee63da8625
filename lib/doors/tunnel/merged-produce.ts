import { vouchedFor } from '../../auth/principal.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { sleep } from '../../core/clock.ts';
import type { Principal, RequestContext } from '../../core/context.ts';
import { errorCode } from '../../core/errors.ts';
import { ENVELOPE_FRAMES_MAX, type EnvelopeAnswer } from './envelope.ts';
import { answered, sendFrames, type TunnelEnvironment } from './environment.ts';
import { asksToRepeat, type ProduceFrame, refusal } from './produce-frame.ts';
import { backoffMs, mayPass, PATIENCE_MS } from './retry.ts';
import { FLIGHTS_MAX, FRAME_BYTES_MAX, type Trouble } from './transport.ts';

/** A flush takes no further frame beyond this; the room up to FRAME_BYTES_MAX is for the envelope's own head. */
export const FLUSH_BYTES_MAX = 4_000_000;

/** A flush that takes longer no longer keeps other connections waiting; ms. Ten times what a warm one takes. */
const LATE_FLIGHT_MS = 1_000;

const TIMED_OUT = errorCode('REQUEST_TIMED_OUT');
const TOO_LARGE = errorCode('MESSAGE_TOO_LARGE');

interface Queued {
  readonly frame: Buffer;
  readonly produce: ProduceFrame;
  readonly host: string;
  readonly principal: Principal | undefined;
  readonly listener: string;
  /** Stands for the connection: each has one signal. */
  readonly connection: AbortSignal;
  readonly settle: (outcome: FrameOutcome) => void;
}

/** When flushes are sent. */
export interface FlushPace {
  /** The least time from the start of one flush to that of the next, unless it is full; ms. */
  readonly intervalMs: number;
  /**
   * How many may be under way. Beyond that another one starts only where it is full or those before it are late: each flush is
   * paid for, and instances of the function that append to the same journal get into each other's way.
   */
  readonly flights: number;
}

interface Flight {
  readonly connections: ReadonlySet<AbortSignal>;
  readonly startedAt: number;
}

/**
 * Merges the Produce requests of all connections into one request per flush: what arrives while one is under way goes into
 * the next. A connection has frames in one flight at a time, so that they are carried out in their order.
 */
export class MergedProduce {
  readonly #env: TunnelEnvironment;
  readonly #flights = new Set<Flight>();
  /** Connections that are to be closed: what they had sent behind a request that failed must not get in before it. */
  readonly #broken = new WeakMap<AbortSignal, string>();
  readonly #pace: FlushPace;
  #queue: Queued[] = [];
  #isScheduled = false;
  #startedAt = Number.NEGATIVE_INFINITY;

  constructor(env: TunnelEnvironment, pace: FlushPace) {
    this.#env = env;
    this.#pace = pace;
  }

  /** Sends a Produce request; resolves with its outcome. Requests of a connection are carried out in the order of these calls. */
  send(frame: Buffer, produce: ProduceFrame, context: RequestContext): Promise<FrameOutcome> {
    const { host, listener, signal } = context;
    const principal = vouchedFor(context.principal);
    const reason = this.#broken.get(signal);
    if (reason !== undefined) return Promise.resolve({ kind: 'close', reason });
    return new Promise((settle) => {
      this.#queue.push({ frame, produce, host, principal, listener, connection: signal, settle });
      this.#schedule();
    });
  }

  /** Waits for a turn of the event loop, so that what other connections have sent already comes along. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#env.clock.setTimer(0, () => {
      this.#isScheduled = false;
      this.#startFlights();
    });
  }

  /** How long the next flush has to wait for its time. */
  #earlyMs(): number {
    return this.#startedAt + this.#pace.intervalMs - this.#env.clock.monotonic();
  }

  #startFlights(): void {
    while (this.#queue.length > 0 && this.#flights.size < FLIGHTS_MAX) {
      const { taken, isFull } = this.#choose();
      if (taken.length === 0) return;
      if (this.#flights.size >= this.#pace.flights && !isFull && !this.#areAllLate()) return;
      const earlyMs = isFull ? 0 : this.#earlyMs();
      if (earlyMs > 0) {
        this.#env.clock.setTimer(earlyMs, () => this.#schedule());
        return;
      }
      const chosen = new Set(taken);
      this.#queue = this.#queue.filter((queued) => !chosen.has(queued));
      void this.#fly(taken);
    }
  }

  #areAllLate(): boolean {
    const now = this.#env.clock.monotonic();
    return [...this.#flights].every(({ startedAt }) => now - startedAt >= LATE_FLIGHT_MS);
  }

  /** What would go into the next flush: the oldest frames of one listener, whole runs of each connection. */
  #choose(): { readonly taken: readonly Queued[]; readonly isFull: boolean } {
    const taken: Queued[] = [];
    const passedOver = new Set<AbortSignal>();
    for (const { connections } of this.#flights) for (const connection of connections) passedOver.add(connection);
    let listener: string | undefined;
    let bytes = 0;
    let isFull = false;
    for (const queued of this.#queue) {
      if (passedOver.has(queued.connection)) continue;
      listener ??= queued.listener;
      const fits = bytes === 0 || bytes + queued.frame.length <= FLUSH_BYTES_MAX;
      if (!fits || taken.length >= ENVELOPE_FRAMES_MAX) isFull = true;
      if (!fits || isFull || queued.listener !== listener) {
        passedOver.add(queued.connection);
        continue;
      }
      taken.push(queued);
      bytes += queued.frame.length;
    }
    return { taken, isFull };
  }

  async #fly(frames: readonly Queued[]): Promise<void> {
    const { clock } = this.#env;
    const flight = { connections: new Set(frames.map(({ connection }) => connection)), startedAt: clock.monotonic() };
    this.#flights.add(flight);
    this.#startedAt = flight.startedAt;
    const cancel = clock.setTimer(LATE_FLIGHT_MS, () => this.#schedule());
    try {
      await this.#carry(frames, flight.startedAt);
    } catch (error) {
      const reason = `an internal error: ${error instanceof Error ? error.message : String(error)}`;
      this.#env.logger.log('error', { event: 'tunnel_failed', message: reason });
      for (const { connection } of frames) this.#break(connection, reason);
      for (const { settle } of frames) settle({ kind: 'close', reason });
    } finally {
      cancel();
      this.#flights.delete(flight);
      this.#schedule();
    }
  }

  /** Sends frames until each has its outcome, or PATIENCE_MS are over. */
  async #carry(frames: readonly Queued[], since: number): Promise<void> {
    const { clock, random, trouble } = this.#env;
    let pending = frames;
    for (let tries = 1; ; tries++) {
      const sent = await sendFrames(this.#env, 'produce', pending[0]!.listener, pending);
      if (sent.kind === 'answers') {
        for (const [index, queued] of pending.entries()) this.#settle(queued, sent.answers[index]!);
        return;
      }
      const reason = trouble.tell('produce', sent);
      if (sent.kind === 'refused' && sent.reason === 'tooLarge') return this.#afterTooLarge(pending, since, reason);
      const isLate = clock.monotonic() - since >= PATIENCE_MS;
      const maySend = (queued: Queued) =>
        !isLate && (mayPass(sent) || (sent.kind === 'unknown' && queued.produce.isRepeatable));
      for (const queued of pending) if (!maySend(queued)) this.#giveUp(queued, sent, reason);
      pending = pending.filter((queued) => maySend(queued));
      // Of a connection that is closed for one request, none goes again.
      for (const queued of pending) if (this.#broken.has(queued.connection)) this.#close(queued, reason);
      pending = pending.filter(({ connection }) => !this.#broken.has(connection));
      if (pending.length === 0) return;
      await sleep(clock, backoffMs(random, tries));
    }
  }

  /** The way to the function takes less than this side thinks: each by itself, and the one that is too large is refused. */
  async #afterTooLarge(frames: readonly Queued[], since: number, reason: string): Promise<void> {
    if (frames.length > 1) {
      for (const queued of frames) await this.#carry([queued], since);
      return;
    }
    const [queued] = frames as [Queued];
    queued.settle(refusedAsTooLarge(queued.produce, reason));
  }

  #settle(queued: Queued, answer: EnvelopeAnswer): void {
    const { connection, produce, settle } = queued;
    const reason = this.#broken.get(connection);
    if (reason !== undefined) {
      settle({ kind: 'close', reason });
    } else if (answer.kind === 'answer') {
      settle(answered(answer.chunks));
      // An instance of the function that has not seen the failure would take the producer's next batch for its first one.
      if (produce.isRepeatable && asksToRepeat(answer.chunks[0]!, produce.version)) {
        this.#break(connection, 'a batch is to be sent again, and those behind it must not overtake it');
      }
    } else if (answer.kind === 'none') {
      settle(answer);
    } else {
      // After `again` nothing says whether it was appended; functions do not say it to a Produce request.
      this.#close(queued, answer.kind === 'close' ? answer.reason : 'the function put a Produce request off');
    }
  }

  /**
   * A request that is not sent any more. Without sequences its producer is told to try again, as by Kafka's leader that waits in vain
   * for its followers; a batch may be there twice then. With sequences the connection is closed, so that the client sends
   * all that it has no answer to again, in order. So it is for what will not pass, and for acks=0, where nobody listens.
   */
  #giveUp(queued: Queued, trouble: Trouble, reason: string): void {
    const { produce, settle } = queued;
    const isTransient = trouble.kind === 'unknown' || mayPass(trouble);
    if (!isTransient || produce.isRepeatable || produce.body.acks === 0) this.#close(queued, reason);
    else settle({ kind: 'answer', chunks: refusal(produce, 'REQUEST_TIMED_OUT', reason), errorCode: TIMED_OUT });
  }

  #close({ connection, settle }: Queued, reason: string): void {
    this.#break(connection, reason);
    settle({ kind: 'close', reason });
  }

  /** Nothing of this connection is sent any more. */
  #break(connection: AbortSignal, reason: string): void {
    this.#broken.set(connection, reason);
    const behind = this.#queue.filter((queued) => queued.connection === connection);
    if (behind.length === 0) return;
    this.#queue = this.#queue.filter((queued) => queued.connection !== connection);
    for (const { settle } of behind) settle({ kind: 'close', reason });
  }
}

/** MESSAGE_TOO_LARGE for each partition; with acks=0 nobody listens, and the connection is closed, as Kafka does. */
export function refusedAsTooLarge(produce: ProduceFrame, message: string): FrameOutcome {
  if (produce.body.acks === 0) return { kind: 'close', reason: message };
  return { kind: 'answer', chunks: refusal(produce, 'MESSAGE_TOO_LARGE', message), errorCode: TOO_LARGE };
}

/** Why a Produce frame of this size is refused, and what to do. */
export function tooLargeMessage(bytes: number): string {
  return `the request has ${bytes} bytes, and functions take ${FRAME_BYTES_MAX} at most: lower batch.size or max.request.size of the producer`;
}
