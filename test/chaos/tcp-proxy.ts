import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';

/**
 * Where a connection breaks: at once, when the next request comes (nothing of it passes, or half of it), or when the next answer
 * comes (nothing of it passes, half, or all of it).
 */
export const BREAKS = ['now', 'beforeRequest', 'midRequest', 'beforeAnswer', 'midAnswer', 'afterAnswer'] as const;
export type Break = (typeof BREAKS)[number];

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  armed: Break | undefined;
  /** Its last bytes are on their way; nothing more passes. */
  ending: boolean;
}

/** Between the last bytes and a reset: one that comes together with them is taken for an orderly end by Node. */
const RESET_AFTER_MS = 3;

export interface ProxyOptions {
  /** Port on 127.0.0.1 that everything is handed on to; it may come and go. */
  readonly target: number;
  /** What the requests contain whose connections break; any connection breaks if it is left out. */
  readonly aim?: string;
  /** Sees every piece of an answer that comes back. */
  readonly onAnswer?: (chunk: Buffer) => void;
}

/** Hands TCP connections on, and breaks them by resets where it is told to. */
export class TcpProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #listening: Promise<unknown>;
  #next: Break | undefined;
  #resets = 0;
  /** When the last one was; ms since the Unix epoch. */
  #resetAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#link(client));
    this.#server.listen(0, '127.0.0.1');
    this.#listening = once(this.#server, 'listening');
  }

  static async start(options: ProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    await proxy.#listening;
    return proxy;
  }

  /** Connections that were reset on purpose. */
  get resets(): number {
    return this.#resets;
  }

  /** Whether a connection was reset on purpose within the last `ms`. */
  hasReset(ms: number): boolean {
    return Date.now() - this.#resetAt < ms;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Lets one connection break: that of the next request that is aimed at, or one chosen by `pick` in [0, 1). */
  breakOne(how: Break, pick: number): void {
    if (this.#options.aim !== undefined) {
      this.#next = how;
      return;
    }
    const links = [...this.#links];
    const link = links[Math.floor(pick * links.length)];
    if (link === undefined) return;
    if (how === 'now') this.#reset(link);
    else link.armed = how;
  }

  /** Takes back what has not come about yet. */
  calm(): void {
    this.#next = undefined;
    for (const link of this.#links) link.armed = undefined;
  }

  #countReset(): void {
    this.#resets++;
    this.#resetAt = Date.now();
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #link(client: Socket): void {
    const server = new Socket({ allowHalfOpen: true });
    const link: Link = { client, server, armed: undefined, ending: false };
    this.#links.add(link);
    server.connect(this.#options.target, '127.0.0.1').setNoDelay(true);
    client.on('data', (chunk) => this.#request(link, chunk));
    server.on('data', (chunk) => this.#answer(link, chunk));
    // A client that ends has still sent what it sent: only the end is handed on, behind it.
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    client.on('error', () => server.destroy());
    server.on('error', () => client.resetAndDestroy());
    client.on('close', () => this.#gone(link, client, server));
    server.on('close', () => this.#gone(link, server, client));
  }

  #gone(link: Link, closed: Socket, other: Socket): void {
    if (!closed.readableEnded) other.destroySoon();
    if (other.destroyed) this.#links.delete(link);
  }

  #request(link: Link, chunk: Buffer): void {
    const { client, server } = link;
    if (link.ending) return;
    if (this.#next !== undefined && chunk.includes(this.#options.aim!)) {
      link.armed = this.#next;
      this.#next = undefined;
    }
    const { armed } = link;
    if (armed === 'now') {
      link.ending = true;
      server.write(chunk, () => this.#reset(link));
      return;
    }
    if (armed === 'beforeRequest') {
      this.#reset(link);
      return;
    }
    if (armed === 'midRequest') {
      this.#countReset();
      server.end(chunk.subarray(0, chunk.length >> 1));
      client.resetAndDestroy();
      return;
    }
    hand(chunk, client, server);
  }

  #answer(link: Link, chunk: Buffer): void {
    const { armed, client, server } = link;
    this.#options.onAnswer?.(chunk);
    if (link.ending) return;
    if (armed === 'beforeAnswer') {
      this.#reset(link);
      return;
    }
    if (armed === 'midAnswer' || armed === 'afterAnswer') {
      link.ending = true;
      client.write(armed === 'afterAnswer' ? chunk : chunk.subarray(0, chunk.length >> 1), () => {
        // After one more turn of the event loop: a client in this process has its bytes then, too.
        setTimeout(() => setImmediate(() => this.#reset(link)), RESET_AFTER_MS);
      });
      return;
    }
    hand(chunk, server, client);
  }

  #reset({ client, server }: Link): void {
    this.#countReset();
    client.resetAndDestroy();
    server.resetAndDestroy();
  }
}

function hand(chunk: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.writableEnded || to.write(chunk)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
