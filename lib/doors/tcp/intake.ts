import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { type ReceivedFrame, receiveFrame, SIZE_PREFIX_BYTES } from '../../wire/frame.ts';
import { FrameReader } from './frame-reader.ts';
import type { MemoryWaiter, RequestMemory } from './request-memory.ts';

/**
 * - `reading`: bytes come in.
 * - `held`: nothing is read, because the connection has enough to do.
 * - `waiting`: nothing is read until the request memory says so.
 * - `discarding`: what comes is thrown away.
 * - `ended`: the client has ended its side; nothing more comes.
 * - `closed`: the socket is gone.
 */
type State = 'reading' | 'held' | 'waiting' | 'discarding' | 'ended' | 'closed';

export interface IntakeOptions {
  readonly socket: Pick<Socket, 'pause' | 'resume'>;
  readonly memory: RequestMemory;
  readonly clock: Clock;
  readonly frameBytesMax: number;
}

/**
 * The bytes of one connection until they are complete frames. Reads only as long as there is memory
 * for requests.
 */
export class Intake implements MemoryWaiter {
  readonly #socket: Pick<Socket, 'pause' | 'resume'>;
  readonly #memory: RequestMemory;
  readonly #clock: Clock;
  readonly #reader: FrameReader;
  #state: State = 'reading';
  #isWanted = true;
  /** Received bytes that have not become a frame. */
  #unparsedBytes = 0;
  #readAt: number;
  #electedAt = Number.POSITIVE_INFINITY;

  constructor({ socket, memory, clock, frameBytesMax }: IntakeOptions) {
    this.#socket = socket;
    this.#memory = memory;
    this.#clock = clock;
    this.#reader = new FrameReader(frameBytesMax);
    this.#readAt = clock.monotonic();
  }

  get hasPartialFrame(): boolean {
    return this.#reader.hasPartialFrame;
  }

  /** Why the stream cannot be read on, for the log; set once a frame had an impossible size. */
  get problem(): string | undefined {
    return this.#reader.problem;
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  get waitsForMemory(): boolean {
    return this.#state === 'waiting';
  }

  /** When the last bytes came, by Clock.monotonic(), ms. */
  get readAt(): number {
    return this.#readAt;
  }

  /** Takes a chunk from the socket; only after `next` has said that the last one is used up. */
  push(chunk: Buffer): void {
    this.#readAt = this.#clock.monotonic();
    this.#unparsedBytes += chunk.length;
    this.#memory.received(chunk.length);
    this.#reader.push(chunk);
  }

  /**
   * The next frame, or undefined when there is none or `problem` is set. Its bytes count as
   * received until it is answered.
   */
  next(): ReceivedFrame | undefined {
    const frame = this.#reader.next();
    if (frame === undefined) return undefined;
    const bytes = SIZE_PREFIX_BYTES + frame.length;
    this.#unparsedBytes -= bytes;
    this.#electedAt = Number.POSITIVE_INFINITY;
    this.#memory.completed(this, bytes);
    return receiveFrame(frame);
  }

  /** Reads on, as far as there is memory, or stops reading. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (this.#isFinal) return;
    if (!isWanted) {
      // Its place in the line of the request memory is kept.
      if (this.#state !== 'waiting') this.#enter('held');
    } else if (this.#memory.mayRead(this)) {
      this.#enter('reading');
    } else if (this.#state !== 'waiting') {
      this.#enter('waiting');
      this.#memory.wait(this);
    }
  }

  resumeReading(): void {
    if (this.#memory.isElected(this)) this.#electedAt = this.#clock.monotonic();
    if (this.#state !== 'waiting') return;
    this.#enter('held');
    this.want(this.#isWanted);
  }

  /** Reads without use for it: unread bytes would turn the close of the socket into a reset. */
  discard(): void {
    if (!this.#isFinal) this.#enter('discarding');
  }

  /** The client has ended its side. */
  end(): void {
    if (this.#state !== 'closed') this.#enter('ended');
  }

  /** The socket is gone. */
  close(): void {
    this.#enter('closed');
    this.#memory.leave(this, this.#unparsedBytes);
    this.#unparsedBytes = 0;
  }

  /**
   * Whether this connection keeps others from being read: memory is full, and no byte has come
   * since `before`.
   */
  isStuck(before: number): boolean {
    if (!this.#memory.isFull) return false;
    const isSilent = this.hasPartialFrame && !isPaused(this.#state) && this.#readAt < before;
    return isSilent || this.#electedAt < before;
  }

  get #isFinal(): boolean {
    return this.#state === 'discarding' || this.#state === 'ended' || this.#state === 'closed';
  }

  #enter(state: State): void {
    const wasPaused = isPaused(this.#state);
    this.#state = state;
    if (state === 'ended' || state === 'closed' || wasPaused === isPaused(state)) return;
    if (wasPaused) this.#socket.resume();
    else this.#socket.pause();
  }
}

function isPaused(state: State): boolean {
  return state === 'held' || state === 'waiting';
}
