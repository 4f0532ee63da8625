import { vouchedFor } from '../../auth/principal.ts';
import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { sleep } from '../../core/clock.ts';
import type { Principal, RequestContext } from '../../core/context.ts';
import { errorCode } from '../../core/errors.ts';
import { ENVELOPE_FRAMES_MAX, type EnvelopeAnswer } from './envelope.ts';
import { answered, sendFrames, type TunnelEnvironment } from './environment.ts';
import { asksToRepeat, type ProduceFrame, refusal } from './produce-frame.ts';
import { backoffMs, mayPass, PATIENCE_MS } from './retry.ts';
import { FLIGHTS_MAX, FLUSH_BYTES_MAX, FRAME_BYTES_MAX, type Trouble } from './transport.ts';

/**
 * After this time a flush no longer holds back other connections; ms. Ten times that of a warm
 * function.
 */
const LATE_FLIGHT_MS = 1_000;

const TIMED_OUT = errorCode('REQUEST_TIMED_OUT');
const TOO_LARGE = errorCode('MESSAGE_TOO_LARGE');

interface Queued {
  readonly frame: Buffer;
  readonly produce: ProduceFrame;
  readonly host: string;
  readonly principal: Principal | undefined;
  readonly listener: string;
  /** Identifies the connection: each has one signal. */
  readonly connection: AbortSignal;
  readonly settle: (outcome: FrameOutcome) => void;
}

/** When flushes are sent. */
export interface FlushPace {
  /** The least time between the starts of two flushes, unless the next one is full; ms. */
  readonly intervalMs: number;
  /**
   * Concurrent flushes. Beyond that a flush starts only if it is full or the earlier ones are late:
   * each flush costs money, and function instances that append to the same journal compete with
   * each other.
   */
  readonly flights: number;
}

interface Flight {
  readonly connections: ReadonlySet<AbortSignal>;
  readonly startedAt: number;
}

/**
 * Merges the Produce requests of all connections into one request per flush. Requests that arrive
 * during a flush go into the next one. A connection has frames in one flight at a time, which keeps
 * their order.
 */
export class MergedProduce {
  readonly #env: TunnelEnvironment;
  readonly #flights = new Set<Flight>();
  /**
   * Connections that have to be closed. Requests that they sent after a failed one must not be
   * appended before it.
   */
  readonly #broken = new WeakMap<AbortSignal, string>();
  readonly #pace: FlushPace;
  #queue: Queued[] = [];
  #isScheduled = false;
  #startedAt = Number.NEGATIVE_INFINITY;

  constructor(env: TunnelEnvironment, pace: FlushPace) {
    this.#env = env;
    this.#pace = pace;
  }

  /**
   * Sends a Produce request and resolves with its outcome. A connection's requests are carried out
   * in call order.
   */
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

  /**
   * Waits one turn of the event loop, so that requests already received from other connections join
   * the flush.
   */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#env.clock.setTimer(0, () => {
      this.#isScheduled = false;
      this.#startFlights();
    });
  }

  /** The time until the next flush may start; ms. */
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

  /**
   * The contents of the next flush: the oldest frames of one listener, with whole runs of each
   * connection.
   */
  #choose(): { readonly taken: readonly Queued[]; readonly isFull: boolean } {
    const taken: Queued[] = [];
    const skipped = new Set<AbortSignal>();
    for (const { connections } of this.#flights) for (const connection of connections) skipped.add(connection);
    let listener: string | undefined;
    let bytes = 0;
    let isFull = false;
    for (const queued of this.#queue) {
      if (skipped.has(queued.connection)) continue;
      listener ??= queued.listener;
      const fits = bytes === 0 || bytes + queued.frame.length <= FLUSH_BYTES_MAX;
      if (!fits || taken.length >= ENVELOPE_FRAMES_MAX) isFull = true;
      if (!fits || isFull || queued.listener !== listener) {
        skipped.add(queued.connection);
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

  /** Sends frames until each has its outcome or PATIENCE_MS have passed. */
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
      // Frames of a connection that was closed for another frame are not sent again.
      for (const queued of pending) if (this.#broken.has(queued.connection)) this.#close(queued, reason);
      pending = pending.filter(({ connection }) => !this.#broken.has(connection));
      if (pending.length === 0) return;
      await sleep(clock, backoffMs(random, tries));
    }
  }

  /**
   * The request was too large for the transport. Each frame is sent alone, and one that is still
   * too large is refused.
   */
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
    } else if (answer.kind === 'answer' || answer.kind === 'none') {
      settle(answer.kind === 'none' ? answer : answered(answer.chunks));
      this.#env.changes.tell(produce.body.topicData.flatMap(({ name, topicId }) => [name, topicId]));
      if (answer.kind === 'none') return;
      // Another function instance has not seen the failure. It would accept the producer's next
      // batch as its first.
      if (produce.isRepeatable && asksToRepeat(answer.chunks[0]!, produce.version)) {
        this.#break(connection, 'a batch is to be sent again, and those behind it must not overtake it');
      }
    } else {
      // `again` leaves open whether the batch was appended. Functions do not answer Produce with
      // it.
      this.#close(
        queued,
        answer.kind === 'close' ? answer.reason : 'the function answered a Produce request with `again`',
      );
    }
  }

  /**
   * The outcome of a request that is not sent any more. A producer without sequences gets a
   * retriable error, as from a Kafka leader that waits in vain for its followers; the batch may
   * then be stored twice. With sequences the connection is closed, so that the client resends all
   * unanswered batches in order. The connection is also closed for a request that cannot succeed,
   * and for acks=0, which has no answer.
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

  /** Nothing of this connection is sent from now on. */
  #break(connection: AbortSignal, reason: string): void {
    this.#broken.set(connection, reason);
    const behind = this.#queue.filter((queued) => queued.connection === connection);
    if (behind.length === 0) return;
    this.#queue = this.#queue.filter((queued) => queued.connection !== connection);
    for (const { settle } of behind) settle({ kind: 'close', reason });
  }
}

/**
 * MESSAGE_TOO_LARGE for each partition. With acks=0 there is no answer and the connection is
 * closed, as in Kafka.
 */
export function refusedAsTooLarge(produce: ProduceFrame, message: string): FrameOutcome {
  if (produce.body.acks === 0) return { kind: 'close', reason: message };
  return { kind: 'answer', chunks: refusal(produce, 'MESSAGE_TOO_LARGE', message), errorCode: TOO_LARGE };
}

/** Why a Produce frame of this size is refused, and what to do. */
export function tooLargeMessage(bytes: number): string {
  return `the request has ${bytes} bytes, and functions take ${FRAME_BYTES_MAX} at most: lower batch.size or max.request.size of the producer`;
}
