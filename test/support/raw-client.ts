import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What a request frame begins with; header version 1 (Kafka's RequestHeader.json). */
export interface RawRequest {
  readonly apiKey: number;
  readonly apiVersion?: number;
  readonly correlationId: number;
  /** null is what clients without a name send. */
  readonly clientId?: string | null;
  readonly body?: Buffer;
}

/** Encodes a request frame without its size. */
export function rawRequest({ apiKey, apiVersion = 0, correlationId, clientId = 'raw', body }: RawRequest): Buffer {
  const head = Buffer.alloc(10);
  head.writeInt16BE(apiKey, 0);
  head.writeInt16BE(apiVersion, 2);
  head.writeInt32BE(correlationId, 4);
  const id = Buffer.from(clientId ?? '');
  head.writeInt16BE(clientId === null ? -1 : id.length, 8);
  return Buffer.concat([head, id, body ?? Buffer.alloc(0)]);
}

/** A frame with its 4-byte size before it. */
export function withSize(frame: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(frame.length);
  return Buffer.concat([size, frame]);
}

/** A TCP client that does what no Kafka client would: half frames, floods, no reading, resets. */
export class RawClient {
  readonly socket: Socket;
  /** Resolves when the connection is over: 'end' when the server closed in order, 'reset' otherwise. */
  readonly closed: Promise<'end' | 'reset'>;
  #received: Buffer[] = [];
  #frames: Buffer[] = [];
  #waiting: ((frame: Buffer | undefined) => void)[] = [];
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    let ended = false;
    let failed = false;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('end', () => {
      ended = true;
    });
    socket.on('error', () => {
      failed = true;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true;
        for (const waiter of this.#waiting.splice(0)) waiter(undefined);
        resolve(ended && !failed ? 'end' : 'reset');
      });
    });
  }

  static async connect(address: { host: string; port: number }, localAddress?: string): Promise<RawClient> {
    const socket = connect({ ...address, ...(localAddress === undefined ? {} : { localAddress }) });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return client;
  }

  /** Sends bytes as they are; resolves when the kernel has them. */
  send(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(bytes, () => resolve());
    });
  }

  sendFrame(frame: Buffer): Promise<void> {
    return this.send(withSize(frame));
  }

  sendRequest(request: RawRequest): Promise<void> {
    return this.sendFrame(rawRequest(request));
  }

  /** The next frame without its size; undefined when the connection is over. */
  receive(): Promise<Buffer | undefined> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The correlation ids of the next `count` frames, in the order in which they came. */
  async receiveIds(count: number): Promise<number[]> {
    const ids: number[] = [];
    while (ids.length < count) {
      const frame = await this.receive();
      if (frame === undefined) break;
      ids.push(frame.readInt32BE(0));
    }
    return ids;
  }

  /** Takes nothing from the kernel any more, so that its buffers fill up. */
  stopReading(): void {
    this.socket.pause();
  }

  startReading(): void {
    this.socket.resume();
  }

  /** Ends its own side; answers may still come. */
  end(): void {
    this.socket.end();
  }

  /** Breaks the connection with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #onData(chunk: Buffer): void {
    this.#received.push(chunk);
    let bytes = this.#received.reduce((sum, part) => sum + part.length, 0);
    for (;;) {
      const size = this.#frameSize(bytes);
      if (size === undefined || bytes < 4 + size) return;
      const all = Buffer.concat(this.#received);
      this.#received = [all.subarray(4 + size)];
      bytes -= 4 + size;
      const frame = all.subarray(4, 4 + size);
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#frames.push(frame);
      else waiter(frame);
    }
  }

  /** Concatenates only when a frame is complete: tests receive some of many megabytes. */
  #frameSize(bytes: number): number | undefined {
    if (bytes < 4) return undefined;
    if (this.#received[0]!.length < 4) this.#received = [Buffer.concat(this.#received)];
    return this.#received[0]!.readInt32BE(0);
  }
}
