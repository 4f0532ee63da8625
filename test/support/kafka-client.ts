import { setMaxListeners } from 'node:events';
import { ANONYMOUS } from '../../lib/auth/principal.ts';
import type { FrameHandler } from '../../lib/broker/frame-handler.ts';
import type { RequestContext } from '../../lib/core/context.ts';
import type { ApiKey, RequestInput, ResponseBody } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { receiveFrame, SIZE_PREFIX_BYTES } from '../../lib/wire/frame.ts';
import { RawClient } from './raw-client.ts';

/** What became of one request. `reason` is known only where the engine runs in this process. */
export type Told<Key extends ApiKey> =
  | { readonly kind: 'answer'; readonly version: number; readonly body: ResponseBody<Key> }
  | { readonly kind: 'none' }
  | { readonly kind: 'closed'; readonly reason: string };

/** Speaks the wire protocol by this project's own client side: every answer is decoded in full, or it is an error. */
export interface KafkaClient {
  /** Sends a request of one version. Throws for an answer that is not well-formed or is not the one to this request. */
  tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>>;
  /** The same where an answer must come. */
  ask<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<ResponseBody<Key>>;
}

const CLIENT_ID = 'test';

/** A request without its size. */
export function requestFrame<Key extends ApiKey>(
  apiKey: Key,
  version: number,
  id: number,
  body: RequestInput<Key>,
  clientId = CLIENT_ID,
): Buffer {
  return Buffer.concat(encodeRequest(apiKey, version, id, clientId, body)).subarray(SIZE_PREFIX_BYTES);
}

/** The answer in a frame without its size. Throws for one that is not well-formed or is not the one to request `id`. */
export function answerOf<Key extends ApiKey>(apiKey: Key, version: number, id: number, frame: Buffer): Told<Key> {
  const decoded = decodeResponse(apiKey, version, frame);
  if (decoded.kind === 'malformed') throw new Error(`the answer to ${apiKey} v${version}: ${decoded.reason}`);
  if (decoded.correlationId !== id) throw new Error(`answer ${decoded.correlationId} came to request ${id}`);
  return { kind: 'answer', version: decoded.version, body: decoded.body };
}

export abstract class BaseClient implements KafkaClient {
  abstract tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>>;

  async ask<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<ResponseBody<Key>> {
    const told = await this.tell(apiKey, version, body);
    if (told.kind === 'answer') return told.body;
    throw new Error(`no answer to ${apiKey} v${version}: ${told.kind === 'closed' ? told.reason : told.kind}`);
  }
}

/** Straight to the front door of an engine in this process. */
export class EngineClient extends BaseClient {
  readonly #handleFrame: FrameHandler;
  readonly #context: RequestContext;
  readonly #clientId: string;
  #lastId = 0;

  constructor(handleFrame: FrameHandler, signal = new AbortController().signal, clientId = CLIENT_ID) {
    super();
    this.#clientId = clientId;
    // Many requests of one client wait at the same time here, which a connection would take one after the other.
    setMaxListeners(0, signal);
    this.#handleFrame = handleFrame;
    this.#context = {
      principal: ANONYMOUS,
      clientId,
      host: '127.0.0.1',
      listener: 'PLAINTEXT',
      deadline: Number.POSITIVE_INFINITY,
      signal,
    };
  }

  async tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>> {
    const id = ++this.#lastId;
    const outcome = await this.#handleFrame(
      receiveFrame(requestFrame(apiKey, version, id, body, this.#clientId)),
      this.#context,
    );
    if (outcome.kind === 'close') return { kind: 'closed', reason: outcome.reason };
    if (outcome.kind === 'none') return outcome;
    return answerOf(apiKey, version, id, Buffer.concat(outcome.chunks).subarray(SIZE_PREFIX_BYTES));
  }
}

/** Over TCP, one request at a time. */
export class TcpClient extends BaseClient {
  readonly raw: RawClient;
  #lastId = 0;

  private constructor(raw: RawClient) {
    super();
    this.raw = raw;
  }

  static async connect(address: { host: string; port: number }): Promise<TcpClient> {
    return new TcpClient(await RawClient.connect(address));
  }

  async tell<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<Told<Key>> {
    const id = ++this.#lastId;
    await this.raw.sendFrame(requestFrame(apiKey, version, id, body));
    const frame = await this.raw.receive();
    return frame === undefined ? { kind: 'closed', reason: 'unknown' } : answerOf(apiKey, version, id, frame);
  }

  /** Sends a request that is not answered (a Produce with acks = 0). */
  async send<Key extends ApiKey>(apiKey: Key, version: number, body: RequestInput<Key>): Promise<void> {
    await this.raw.sendFrame(requestFrame(apiKey, version, ++this.#lastId, body));
  }

  close(): void {
    this.raw.end();
  }
}
