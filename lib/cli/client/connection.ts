import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import type { Api } from '../../wire/api.ts';
import { type ApiKey, apis, type RequestInput, type ResponseBody } from '../../wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../wire/client-frame.ts';
import { CommandError } from '../failure.ts';
import { type Address, showAddress } from './addresses.ts';
import { AnswerSplitter } from './answer-splitter.ts';
import { type ConnectionFailure, connectionProblem } from './connection-problem.ts';

export interface ConnectionOptions {
  readonly address: Address;
  readonly clock: Clock;
  /** The client id, which brokers log and use for quotas. */
  readonly clientId: string;
  /** The time-out of connecting. */
  readonly timeoutMs: number;
  /** Default: no TLS. `ca` is PEM text; its default is the system's authorities. */
  readonly tls?: { readonly ca?: string };
}

interface Pending {
  /** Receives a frame without its size. */
  answer(frame: Buffer): void;
  fail(error: CommandError): void;
}

/** Concurrent requests: five batches each for a few partitions, and other requests. */
const IN_FLIGHT_MAX = 32;

/**
 * One connection to a broker. Requests go out in the order of the calls and may overlap; a failure
 * ends the connection and fails all of them.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #splitter = new AnswerSplitter();
  readonly #pending = new Map<number, Pending>();
  /** Functions that send the requests waiting for capacity. */
  readonly #queue: (() => void)[] = [];
  #correlationId = 0;
  #failure: CommandError | undefined;

  private constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(systemFailure(error)));
    socket.on('close', () => this.#fail({ kind: 'closed' }));
  }

  /** Connects, with TLS if configured. Throws CommandError. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { address, clock, timeoutMs, tls } = options;
    const { host, port } = address;
    const socket =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...tls, ...(isIP(host) === 0 && { servername: host }) });
    const failure = await new Promise<ConnectionFailure | undefined>((resolve) => {
      const cancel = clock.setTimer(timeoutMs, () => settle({ kind: 'timeout' }));
      const onError = (error: NodeJS.ErrnoException) => settle(systemFailure(error));
      const onClose = () => settle({ kind: 'closed' });
      const onReady = () => settle(undefined);
      const ready = tls === undefined ? 'connect' : 'secureConnect';
      const settle = (outcome: ConnectionFailure | undefined) => {
        cancel();
        socket.off('error', onError).off('close', onClose).off(ready, onReady);
        resolve(outcome);
      };
      socket.on('error', onError).on('close', onClose).on(ready, onReady);
    });
    if (failure === undefined) return new Connection(socket, options);
    // Without a listener, an error event would end the process.
    socket.on('error', () => {}).destroy();
    throw connectionProblem(failure, showAddress(address), options);
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /**
   * The answer to one request. Throws CommandError when the connection ends or `timeoutMs` pass
   * before it.
   *
   * @param unanswered true for a request without an answer (Produce with acks=0); resolves to
   *   undefined then
   */
  async request<Key extends ApiKey>(
    key: Key,
    version: number,
    body: RequestInput<Key>,
    timeoutMs: number,
    unanswered = false,
  ): Promise<ResponseBody<Key>> {
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) | 0;
    const chunks = encodeRequest(key, version, correlationId, this.#options.clientId, body);
    const frame = await new Promise<Buffer | undefined>((resolve, reject) => {
      const send = () => {
        if (this.#failure !== undefined) return reject(this.#failure);
        for (const chunk of chunks) this.#socket.write(chunk);
        if (unanswered) resolve(undefined);
        else this.#expect(correlationId, timeoutMs, resolve, reject);
      };
      // In order: batches of one partition have consecutive sequences.
      if (this.#pending.size < IN_FLIGHT_MAX && this.#queue.length === 0) send();
      else this.#queue.push(send);
    });
    if (frame === undefined) return undefined as unknown as ResponseBody<Key>;
    const outcome = decodeResponse(key, version, frame);
    if (outcome.kind === 'response') return outcome.body;
    const { name }: Api = apis[key];
    throw new CommandError(
      `The answer of ${showAddress(this.#options.address)} to ${name} version ${version} cannot be read: ${outcome.reason}.`,
    );
  }

  /** Resolves when the socket takes more bytes without buffering, or the connection ends. */
  async writable(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writableNeedDrain || !this.isOpen) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  /** Ends the connection after the written bytes are sent. Requests in progress fail. */
  close(): void {
    this.#socket.destroySoon();
    this.#fail({ kind: 'closed' });
  }

  #expect(
    correlationId: number,
    timeoutMs: number,
    resolve: (frame: Buffer) => void,
    reject: (error: CommandError) => void,
  ): void {
    const cancel = this.#options.clock.setTimer(timeoutMs, () => {
      // A late answer could not be matched, and the broker may be stuck.
      this.#fail({ kind: 'timeout' });
      this.#socket.destroy();
    });
    this.#pending.set(correlationId, {
      answer: (frame) => {
        cancel();
        resolve(frame);
      },
      fail: (error) => {
        cancel();
        reject(error);
      },
    });
  }

  #onData(chunk: Buffer): void {
    for (const frame of this.#splitter.push(chunk) ?? [undefined]) {
      const pending = frame === undefined ? undefined : this.#pending.get(frame.readInt32BE(0));
      if (frame === undefined || pending === undefined) {
        this.#fail({ kind: 'foreign' });
        this.#socket.destroy();
        return;
      }
      this.#pending.delete(frame.readInt32BE(0));
      pending.answer(frame);
      this.#queue.shift()?.();
    }
  }

  #fail(failure: ConnectionFailure): void {
    if (this.#failure !== undefined) return;
    const error = connectionProblem(failure, showAddress(this.#options.address), this.#options);
    this.#failure = error;
    for (const pending of this.#pending.values()) pending.fail(error);
    this.#pending.clear();
    for (const send of this.#queue.splice(0)) send();
  }
}

function systemFailure({ code, message }: NodeJS.ErrnoException): ConnectionFailure {
  return { kind: 'system', code, message };
}
