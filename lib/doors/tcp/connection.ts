import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { FrameHandler, FrameOutcome } from '../../broker/frame-handler.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Observer } from '../../core/observer.ts';
import { type ReceivedFrame, receiveFrame } from '../../wire/frame.ts';
import type { AnswerMemory, AnswerWaiter } from './answer-memory.ts';
import { FrameReader } from './frame-reader.ts';
import type { GatewayLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { type InFlightRequest, Pipeline } from './pipeline.ts';
import { ContextSource } from './request-context.ts';
import type { MemoryWaiter, RequestMemory } from './request-memory.ts';

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

/** Kafka's numbers for the requests whose answers carry records: Fetch and ShareFetch. */
const APIS_WITH_LARGE_ANSWERS = [1, 78];

/** What a connection's first fetch is expected to answer with when memory is short; the later ones, as the last did. */
const FIRST_ANSWER_BYTES_EXPECTED = 8 * 1024 * 1024;

/** Up to here an answer is small: as much as a fetch gets when memory is short (lib/log/read-budget.ts). */
const SMALL_ANSWER_BYTES_MAX = 64 * 1024;

/** Size prefix of a frame; it counts as received like the rest. */
const SIZE_BYTES = 4;

/** One client: cuts its bytes into requests, hands them on in order, and writes the answers in the same order. */
export class Connection implements MemoryWaiter, AnswerWaiter {
  readonly host: string;
  readonly #listener: string;
  readonly #socket: Socket;
  readonly #shared: ConnectionShared;
  readonly #reader: FrameReader;
  readonly #pipeline: Pipeline;
  readonly #outbox: Outbox;
  readonly #contexts: ContextSource;
  readonly #abort = new AbortController();
  #state: State = 'open';
  /** The client has ended its side; what it sent before is still handled. */
  #isEnded = false;
  #isPaused = false;
  #waitsForMemory = false;
  /** A complete request that may not start yet. Nothing is read while there is one. */
  #waitingFrame: ReceivedFrame | undefined;
  /** What the waiting frame got from the answer memory; undefined when it has not got through yet. */
  #admittedBytes: number | undefined;
  /** Received bytes that have not become a request. */
  #unparsedBytes = 0;
  #lastAnswerBytes = FIRST_ANSWER_BYTES_EXPECTED;
  #readAt: number;
  #wroteAt: number;
  #electedAt = Number.POSITIVE_INFINITY;

  constructor(socket: Socket, host: string, listener: string, shared: ConnectionShared) {
    const { limits } = shared;
    this.host = host;
    this.#listener = listener;
    this.#socket = socket;
    this.#shared = shared;
    this.#reader = new FrameReader(limits.frameBytesMax);
    this.#pipeline = new Pipeline(limits.inFlightRequestsMax, limits.inFlightBytesMax);
    this.#outbox = new Outbox(socket, shared.answerMemory, () => this.#onWritten());
    const reserveAnswer = (bytes: number) => shared.answerMemory.reserve(bytes);
    this.#contexts = new ContextSource(host, listener, this.#abort.signal, shared.deadline, reserveAnswer);
    // One fetch may wait for many journals, each with a listener; Node would call the eleventh a leak.
    setMaxListeners(0, this.#abort.signal);
    this.#readAt = shared.clock.monotonic();
    this.#wroteAt = this.#readAt;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => this.#onClose());
  }

  get hasPartialFrame(): boolean {
    return this.#reader.hasPartialFrame;
  }

  get expectedAnswerBytes(): number {
    return this.#lastAnswerBytes;
  }

  get asksLittle(): boolean {
    return this.#outbox.pendingBytes === 0 && this.#lastAnswerBytes <= SMALL_ANSWER_BYTES_MAX;
  }

  admit(reservedBytes: number): void {
    this.#admittedBytes = reservedBytes;
    this.#pump();
  }

  resumeReading(): void {
    this.#waitsForMemory = false;
    const { clock, requestMemory } = this.#shared;
    if (requestMemory.isElected(this)) this.#electedAt = clock.monotonic();
    this.#updateReading();
  }

  /** Stops reading, lets what is in progress end early, and closes once it is answered. */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#leaveAnswerLine();
    this.#dropWaitingFrame();
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
    const { limits, requestMemory, answerMemory } = this.#shared;
    const stalledBefore = now - limits.stallMsMax;
    const isSilent = this.#reader.hasPartialFrame && !this.#isPaused && this.#readAt < stalledBefore;
    const isStuckReading = requestMemory.isFull && (isSilent || this.#electedAt < stalledBefore);
    const isStuckWriting = answerMemory.isFull && this.#outbox.pendingBytes > 0 && this.#wroteAt < stalledBefore;
    if (isStuckReading || isStuckWriting) {
      const reason = isStuckReading
        ? 'memory for requests is full and this one arrives too slowly'
        : 'memory for answers is full and this client does not read its own';
      this.#log('warn', 'connection_stalled', reason);
      this.destroy();
      return;
    }
    const isWorking = !this.#pipeline.isEmpty || this.#waitsForMemory || this.#waitingFrame !== undefined;
    // A client that reads nothing looks as if it had work: its requests wait for the answers before them to leave.
    const isBlockedByClient = this.#outbox.pendingBytes > 0 && this.#pipeline.isEmpty;
    if (isWorking && !isBlockedByClient) return;
    if (Math.max(this.#readAt, this.#wroteAt) >= now - limits.idleMsMax) return;
    this.#log('debug', 'connection_idle', 'no traffic for connections.max.idle.ms');
    this.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#readAt = this.#shared.clock.monotonic();
    this.#unparsedBytes += chunk.length;
    this.#shared.requestMemory.received(chunk.length);
    this.#shared.observer?.received(this.#listener, chunk.length);
    this.#reader.push(chunk);
    this.#pump();
  }

  #onEnd(): void {
    this.#isEnded = true;
    this.#abort.abort();
    this.#finishIfDone();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#log('debug', 'socket_error', error.code ?? error.message);
  }

  #onClose(): void {
    this.#state = 'closed';
    this.#abort.abort();
    this.#leaveAnswerLine();
    this.#outbox.discard();
    this.#shared.requestMemory.leave(this, this.#unparsedBytes);
    this.#unparsedBytes = 0;
    this.#dropWaitingFrame();
    this.#shared.onClosed(this);
  }

  #onWritten(): void {
    this.#wroteAt = this.#shared.clock.monotonic();
    this.#tellIfAllSent();
    if (this.#state === 'open') this.#pump();
    else this.#finishIfDone();
  }

  /** Starts all requests that may start now, then reads on or stops reading. */
  #pump(): void {
    while (this.#state === 'open') {
      const frame = this.#waitingFrame ?? this.#nextFrame();
      if (frame === undefined) break;
      if (!this.#mayStart(frame)) {
        this.#waitingFrame = frame;
        break;
      }
      this.#waitingFrame = undefined;
      this.#start(frame);
    }
    this.#updateReading();
    this.#finishIfDone();
  }

  #nextFrame(): ReceivedFrame | undefined {
    const frame = this.#reader.next();
    if (frame !== undefined) {
      const bytes = SIZE_BYTES + frame.length;
      this.#unparsedBytes -= bytes;
      this.#electedAt = Number.POSITIVE_INFINITY;
      this.#shared.requestMemory.completed(this, bytes);
    } else if (this.#reader.problem !== undefined) {
      this.#log('warn', 'invalid_frame', this.#reader.problem);
      // Requests before the bad one are answered, as Kafka does; hence not closing yet.
      this.#state = 'draining';
      this.#abort.abort();
    }
    return frame === undefined ? undefined : receiveFrame(frame);
  }

  #mayStart({ head: { apiKey }, bytes }: ReceivedFrame): boolean {
    if (this.#outbox.pendingBytes > this.#shared.limits.connectionAnswerBytesMax) return false;
    if (!this.#pipeline.mayStart(apiKey, SIZE_BYTES + bytes.length)) return false;
    if (this.#admittedBytes !== undefined || !APIS_WITH_LARGE_ANSWERS.includes(apiKey)) return true;
    return this.#shared.answerMemory.mayStart(this);
  }

  #start(frame: ReceivedFrame): void {
    const { apiKey, apiVersion, clientId } = frame.head;
    const request: InFlightRequest = {
      apiKey,
      apiVersion,
      bytes: SIZE_BYTES + frame.bytes.length,
      startedAt: this.#shared.clock.monotonic(),
      reservedBytes: this.#admittedBytes ?? 0,
      outcome: undefined,
    };
    this.#admittedBytes = undefined;
    this.#pipeline.started(request);
    this.#shared.onRequest();
    let handled: Promise<FrameOutcome>;
    try {
      handled = this.#shared.handleFrame(frame, this.#contexts.of(clientId));
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
    request.outcome = outcome;
    onOutcome();
    observer?.handled(request.apiKey, outcome.kind, clock.monotonic() - request.startedAt);
    if (request.reservedBytes > 0) this.#shared.answerMemory.unreserve(request.reservedBytes);
    for (;;) {
      const settled = this.#pipeline.nextSettled();
      if (settled === undefined) break;
      this.#answer(settled, settled.outcome);
      if (settled.outcome.kind === 'answer') settled.outcome.release?.();
      this.#shared.requestMemory.answered(settled.bytes);
    }
    this.#tellIfAllSent();
    this.#pump();
  }

  #tellIfAllSent(): void {
    if (this.#pipeline.isEmpty && this.#outbox.pendingBytes === 0) this.#shared.answerMemory.sent(this);
  }

  #answer(request: InFlightRequest, outcome: FrameOutcome): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const { apiKey, apiVersion, startedAt } = request;
    if (outcome.kind === 'close') {
      this.#log('warn', 'connection_refused_request', outcome.reason, { apiKey, apiVersion });
      this.#close();
      return;
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
    if (outcome.kind === 'none') return;
    if (this.#outbox.pendingBytes === 0) this.#wroteAt = this.#shared.clock.monotonic();
    const bytes = this.#outbox.send(outcome.chunks);
    this.#shared.observer?.sent(this.#listener, bytes);
    if (APIS_WITH_LARGE_ANSWERS.includes(apiKey)) this.#lastAnswerBytes = bytes;
  }

  #updateReading(): void {
    const { requestMemory, limits } = this.#shared;
    if (this.#state === 'closed' || this.#isEnded) return;
    let wanted = true;
    // While closing, what still comes is thrown away: unread bytes would turn the close into a reset.
    if (this.#state !== 'closing') {
      wanted =
        this.#state === 'open' &&
        this.#waitingFrame === undefined &&
        this.#outbox.pendingBytes <= limits.connectionAnswerBytesMax;
      if (wanted && !requestMemory.mayRead(this)) {
        wanted = false;
        if (!this.#waitsForMemory) {
          this.#setPaused(true);
          this.#waitsForMemory = true;
          requestMemory.wait(this);
          return;
        }
      }
    }
    this.#setPaused(!wanted);
  }

  #setPaused(paused: boolean): void {
    if (this.#isPaused === paused) return;
    this.#isPaused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  #finishIfDone(): void {
    if (this.#state === 'open' && this.#isEnded && this.#pipeline.isEmpty && this.#waitingFrame === undefined) {
      this.#close();
    } else if (this.#state === 'draining' && this.#pipeline.isEmpty) {
      this.#close();
    } else if (this.#state === 'closing' && this.#outbox.pendingBytes === 0) {
      this.#socket.destroySoon();
    }
  }

  /** Answers that were sent already leave, then the socket closes. */
  #close(): void {
    this.#state = 'closing';
    this.#abort.abort();
    this.#leaveAnswerLine();
    this.#dropWaitingFrame();
    this.#updateReading();
    if (this.#outbox.pendingBytes === 0) this.#socket.destroySoon();
  }

  #dropWaitingFrame(): void {
    if (this.#waitingFrame === undefined) return;
    this.#shared.requestMemory.answered(SIZE_BYTES + this.#waitingFrame.bytes.length);
    this.#waitingFrame = undefined;
  }

  #leaveAnswerLine(): void {
    this.#shared.answerMemory.leave(this);
    if (this.#admittedBytes !== undefined) this.#shared.answerMemory.unreserve(this.#admittedBytes);
    this.#admittedBytes = undefined;
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
