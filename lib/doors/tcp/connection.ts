import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { FrameHandler, FrameOutcome } from '../../broker/frame-handler.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Observer } from '../../core/observer.ts';
import type { ReceivedFrame } from '../../wire/frame.ts';
import type { AnswerMemory } from './answer-memory.ts';
import { InFlight, type InFlightRequest, type SettledRequest } from './in-flight.ts';
import { Intake } from './intake.ts';
import type { GatewayLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { ContextSource } from './request-context.ts';
import type { RequestMemory } from './request-memory.ts';

/** What all connections of a gateway have in common. */
export interface ConnectionShared {
  readonly handleFrame: FrameHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: GatewayLimits;
  readonly requestMemory: RequestMemory;
  readonly answerMemory: AnswerMemory;
  /** By Clock.monotonic(), ms; Infinity until the gateway drains. */
  readonly deadline: () => number;
  readonly onRequest: () => void;
  /** A request that `onRequest` was called for has its outcome. */
  readonly onOutcome: () => void;
  readonly observer: Observer | undefined;
  readonly onClosed: (connection: Connection) => void;
}

/**
 * - `open`: requests are read and answered.
 * - `draining`: nothing is read any more; what is in progress is answered.
 * - `closing`: answers that were sent already leave, nothing else happens.
 * - `closed`: the socket is gone.
 */
type State = 'open' | 'draining' | 'closing' | 'closed';

/**
 * One client. Owns the three parts of its connection: the intake cuts its bytes into requests,
 * in-flight keeps their order, and the outbox writes the answers. Decides which request starts
 * when, and when the connection ends.
 */
export class Connection {
  readonly host: string;
  readonly #listener: string;
  readonly #socket: Socket;
  readonly #shared: ConnectionShared;
  readonly #intake: Intake;
  readonly #inFlight: InFlight;
  readonly #outbox: Outbox;
  readonly #contexts: ContextSource;
  readonly #abort = new AbortController();
  #state: State = 'open';

  constructor(socket: Socket, host: string, listener: string, shared: ConnectionShared) {
    const { limits, clock, requestMemory, answerMemory } = shared;
    this.host = host;
    this.#listener = listener;
    this.#socket = socket;
    this.#shared = shared;
    this.#intake = new Intake({ socket, memory: requestMemory, clock, frameBytesMax: limits.frameBytesMax });
    this.#inFlight = new InFlight({
      limits,
      requestMemory,
      answerMemory,
      isAllRead: () => this.#outbox.isEmpty,
      onAdmitted: () => this.#pump(),
    });
    this.#outbox = new Outbox({ socket, memory: answerMemory, clock, onProgress: () => this.#onWritten() });
    const reserveAnswer = (bytes: number) => answerMemory.reserve(bytes);
    this.#contexts = new ContextSource(host, listener, this.#abort.signal, shared.deadline, reserveAnswer);
    // One fetch may wait for many journals, each with a listener; Node would call the eleventh a
    // leak.
    setMaxListeners(0, this.#abort.signal);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  /** Stops reading, lets what is in progress end early, and closes once it is answered. */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#inFlight.dropHeld();
    this.#updateReading();
    this.#abort.abort();
    this.#finishIfDone();
  }

  /** Closes at once; nothing more is sent. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Closes the connection if nothing has moved on it for too long; called every few seconds. */
  checkLiveness(now: number): void {
    const { limits } = this.#shared;
    const stalledBefore = now - limits.stallMsMax;
    const isStuckReading = this.#intake.isStuck(stalledBefore);
    if (isStuckReading || this.#outbox.isStuck(stalledBefore)) {
      const reason = isStuckReading
        ? 'memory for requests is full and this one arrives too slowly'
        : 'memory for answers is full and this client does not read its own';
      this.#log('warn', 'connection_stalled', reason);
      this.destroy();
      return;
    }
    const isHandling = !this.#inFlight.isEmpty;
    const isWorking = isHandling || this.#intake.waitsForMemory || this.#inFlight.held !== undefined;
    // A client that reads nothing looks as if it had work: its requests wait for the answers before
    // them to leave.
    const isBlockedByClient = !this.#outbox.isEmpty && !isHandling;
    if (isWorking && !isBlockedByClient) return;
    if (Math.max(this.#intake.readAt, this.#outbox.wroteAt) >= now - limits.idleMsMax) return;
    this.#log('debug', 'connection_idle', 'no traffic for connections.max.idle.ms');
    this.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#intake.push(chunk);
    this.#shared.observer?.received(this.#listener, chunk.length);
    this.#pump();
  }

  #onEnd(): void {
    this.#intake.end();
    this.#abort.abort();
    this.#finishIfDone();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#log('debug', 'socket_error', error.code ?? error.message);
  }

  #onClose(): void {
    this.#state = 'closed';
    this.#abort.abort();
    this.#intake.close();
    this.#inFlight.dropHeld();
    this.#outbox.discard();
    this.#shared.onClosed(this);
  }

  #onWritten(): void {
    this.#inFlight.allSent();
    if (this.#state === 'open') this.#pump();
    else this.#finishIfDone();
  }

  /** Starts all requests that may start now, then reads on or stops reading. */
  #pump(): void {
    while (this.#state === 'open') {
      const frame = this.#inFlight.held ?? this.#nextFrame();
      if (frame === undefined) break;
      if (this.#hasFullOutbox) {
        this.#inFlight.hold(frame);
        break;
      }
      if (!this.#inFlight.mayStart(frame)) break;
      this.#start(frame);
    }
    this.#updateReading();
    this.#finishIfDone();
  }

  get #hasFullOutbox(): boolean {
    return this.#outbox.pendingBytes > this.#shared.limits.connectionAnswerBytesMax;
  }

  #nextFrame(): ReceivedFrame | undefined {
    const frame = this.#intake.next();
    if (frame === undefined && this.#intake.problem !== undefined) {
      this.#log('warn', 'invalid_frame', this.#intake.problem);
      // Requests before the bad one are answered, as Kafka does; hence not closing yet.
      this.#state = 'draining';
      this.#abort.abort();
    }
    return frame;
  }

  #start(frame: ReceivedFrame): void {
    const request = this.#inFlight.start(frame, this.#shared.clock.monotonic());
    this.#shared.onRequest();
    let handled: Promise<FrameOutcome>;
    try {
      handled = this.#shared.handleFrame(frame, this.#contexts.of(frame.head.clientId));
    } catch (error) {
      handled = Promise.reject(error);
    }
    handled.then(
      (outcome) => this.#settle(request, outcome),
      (error: unknown) => this.#settle(request, this.#handlerFailed(request, error)),
    );
  }

  #handlerFailed({ apiKey, apiVersion }: InFlightRequest, error: unknown): FrameOutcome {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log('error', 'handler_failed', reason, { apiKey, apiVersion });
    return { kind: 'close', reason: 'its handler failed' };
  }

  #settle(request: InFlightRequest, outcome: FrameOutcome): void {
    const { clock, observer, onOutcome } = this.#shared;
    onOutcome();
    observer?.handled(request.apiKey, outcome.kind, clock.monotonic() - request.startedAt);
    this.#inFlight.settle(request, outcome);
    for (;;) {
      const settled = this.#inFlight.nextSettled();
      if (settled === undefined) break;
      const sentBytes = this.#answer(settled);
      if (settled.outcome.kind === 'answer') settled.outcome.release?.();
      this.#inFlight.answered(settled, sentBytes);
    }
    this.#inFlight.allSent();
    this.#pump();
  }

  /** Sends the answer; returns its bytes, or undefined where nothing is sent. */
  #answer({ apiKey, apiVersion, startedAt, outcome }: SettledRequest): number | undefined {
    if (this.#state === 'closing' || this.#state === 'closed') return undefined;
    if (outcome.kind === 'close') {
      this.#log('warn', 'connection_refused_request', outcome.reason, { apiKey, apiVersion });
      this.#close();
      return undefined;
    }
    const errorCode = outcome.kind === 'answer' ? outcome.errorCode : 0;
    const durationMs = Math.round((this.#shared.clock.monotonic() - startedAt) * 1000) / 1000;
    this.#shared.logger.log('debug', {
      event: 'request',
      listener: this.#listener,
      host: this.host,
      apiKey,
      apiVersion,
      errorCode,
      durationMs,
    });
    if (outcome.kind === 'none') return undefined;
    const bytes = this.#outbox.send(outcome.chunks);
    this.#shared.observer?.sent(this.#listener, bytes);
    return bytes;
  }

  #updateReading(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const hasRoom = this.#inFlight.held === undefined && !this.#hasFullOutbox;
    this.#intake.want(this.#state === 'open' && hasRoom);
  }

  #finishIfDone(): void {
    const isDone = this.#inFlight.isEmpty;
    if (this.#state === 'open' && this.#intake.isEnded && isDone && this.#inFlight.held === undefined) {
      this.#close();
    } else if (this.#state === 'draining' && isDone) {
      this.#close();
    } else if (this.#state === 'closing' && this.#outbox.isEmpty) {
      this.#socket.destroySoon();
    }
  }

  /** Answers that were sent already leave, then the socket closes. */
  #close(): void {
    this.#state = 'closing';
    this.#abort.abort();
    this.#inFlight.dropHeld();
    this.#intake.discard();
    if (this.#outbox.isEmpty) this.#socket.destroySoon();
  }

  #log(
    level: 'debug' | 'warn' | 'error',
    event: string,
    reason: string,
    request?: { apiKey: number; apiVersion: number },
  ): void {
    this.#shared.logger.log(level, { event, listener: this.#listener, host: this.host, ...request, reason });
  }
}
