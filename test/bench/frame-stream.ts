import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What of an answer is kept: the fields before the records. */
const HEAD_BYTES = 256;

/** One read of the socket; large answers come in few pieces. */
const READ_BYTES = 1024 * 1024;

const SIZE_BYTES = 4;

/**
 * A connection that looks at no more of an answer than its size and first bytes, so that the load generator is not what is
 * measured.
 */
export class FrameStream {
  readonly socket: Socket;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  /** Bytes of the current frame seen so far, its size prefix among them. */
  #seen = 0;
  #frameBytes = 0;
  readonly #onFrame: (head: Buffer, bytes: number) => void;

  private constructor(port: number, onFrame: (head: Buffer, bytes: number) => void) {
    this.#onFrame = onFrame;
    this.socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (bytes, buffer) => {
          this.#take(buffer as Buffer, bytes);
          return true;
        },
      },
    });
  }

  /** `onFrame` gets the frame's first bytes, valid during the call, and its length; both with the size prefix. */
  static async open(port: number, onFrame: (head: Buffer, bytes: number) => void): Promise<FrameStream> {
    const stream = new FrameStream(port, onFrame);
    await once(stream.socket, 'connect');
    return stream;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer, end: number): void {
    for (let at = 0; at < end; ) {
      if (this.#seen < SIZE_BYTES) {
        const taken = Math.min(SIZE_BYTES - this.#seen, end - at);
        chunk.copy(this.#head, this.#seen, at, at + taken);
        this.#seen += taken;
        at += taken;
        if (this.#seen < SIZE_BYTES) return;
        this.#frameBytes = SIZE_BYTES + this.#head.readInt32BE(0);
      }
      const taken = Math.min(this.#frameBytes - this.#seen, end - at);
      if (this.#seen < HEAD_BYTES)
        chunk.copy(this.#head, this.#seen, at, at + Math.min(taken, HEAD_BYTES - this.#seen));
      this.#seen += taken;
      at += taken;
      if (this.#seen < this.#frameBytes) return;
      this.#seen = 0;
      this.#onFrame(this.#head, this.#frameBytes);
    }
  }
}
