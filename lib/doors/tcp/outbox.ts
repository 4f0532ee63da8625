import type { Socket } from 'node:net';
import { afterMicrotasks, type Clock } from '../../core/clock.ts';
import type { AnswerMemory } from './answer-memory.ts';

/** Handed to the socket ahead of the kernel; more would only hide how fast the other side reads. */
const WRITE_AHEAD_BYTES = 1024 * 1024;

/**
 * Larger chunks are written in pieces, so that progress shows and memory is counted as it becomes
 * free.
 */
const PIECE_BYTES_MAX = 256 * 1024;

/** Up to here one copy costs less than one more element of a writev. */
const MERGE_BYTES_MAX = 16 * 1024;

export interface OutboxOptions {
  readonly socket: Pick<Socket, 'write' | 'cork' | 'uncork'>;
  readonly memory: AnswerMemory;
  readonly clock: Clock;
  /** Called whenever the kernel has taken some. */
  readonly onProgress: () => void;
}

/**
 * Writes the answers of one connection in order; what is written in one tick leaves in one writev.
 */
export class Outbox {
  readonly #socket: Pick<Socket, 'write' | 'cork' | 'uncork'>;
  readonly #memory: AnswerMemory;
  readonly #clock: Clock;
  readonly #onProgress: () => void;
  #queue: Buffer[] = [];
  /** Index in the queue of what is written next, and how much of it was. */
  #next = 0;
  #nextOffset = 0;
  #inSocketBytes = 0;
  #pendingBytes = 0;
  #isCorked = false;
  #isDiscarded = false;
  #wroteAt: number;

  constructor({ socket, memory, clock, onProgress }: OutboxOptions) {
    this.#socket = socket;
    this.#memory = memory;
    this.#clock = clock;
    this.#onProgress = onProgress;
    this.#wroteAt = clock.monotonic();
  }

  /** What was sent and the kernel has not taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether the kernel has taken everything. */
  get isEmpty(): boolean {
    return this.#pendingBytes === 0;
  }

  /**
   * When the kernel last took something, or the first answer was sent after that; by
   * Clock.monotonic(), ms.
   */
  get wroteAt(): number {
    return this.#wroteAt;
  }

  /**
   * Whether this connection keeps others from their answers: memory is full, and its client has
   * read nothing since `before`.
   */
  isStuck(before: number): boolean {
    return this.#memory.isFull && !this.isEmpty && this.#wroteAt < before;
  }

  /** Queues the chunks of one answer; returns their bytes together. */
  send(chunks: readonly Buffer[]): number {
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    if (this.isEmpty) this.#wroteAt = this.#clock.monotonic();
    if (this.#isDiscarded || bytes === 0) return bytes;
    this.#pendingBytes += bytes;
    this.#memory.add(bytes);
    if (bytes <= MERGE_BYTES_MAX && chunks.length > 1) this.#queue.push(Buffer.concat(chunks, bytes));
    else for (const chunk of chunks) if (chunk.length > 0) this.#queue.push(chunk);
    this.#write();
    return bytes;
  }

  /** Drops what was not written; the socket is gone. */
  discard(): void {
    if (this.#isDiscarded) return;
    this.#isDiscarded = true;
    this.#queue = [];
    const dropped = this.#pendingBytes;
    this.#pendingBytes = 0;
    this.#memory.release(dropped);
  }

  #write(): void {
    while (this.#next < this.#queue.length && this.#inSocketBytes < WRITE_AHEAD_BYTES) {
      this.#cork();
      const chunk = this.#queue[this.#next]!;
      const end = Math.min(chunk.length, this.#nextOffset + PIECE_BYTES_MAX);
      const piece = end - this.#nextOffset === chunk.length ? chunk : chunk.subarray(this.#nextOffset, end);
      if (end === chunk.length) {
        this.#next++;
        this.#nextOffset = 0;
      } else {
        this.#nextOffset = end;
      }
      this.#inSocketBytes += piece.length;
      this.#socket.write(piece, (error) => {
        // A socket that failed closes, and all that is pending is discarded then.
        if (!error) this.#taken(piece.length);
      });
    }
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    }
  }

  #taken(bytes: number): void {
    if (this.#isDiscarded) return;
    this.#inSocketBytes -= bytes;
    this.#pendingBytes -= bytes;
    this.#wroteAt = this.#clock.monotonic();
    this.#memory.release(bytes);
    this.#write();
    this.#onProgress();
  }

  /**
   * Answers of one group commit settle in the same turn of microtasks; a tick later they leave
   * together.
   */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    afterMicrotasks(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }
}
