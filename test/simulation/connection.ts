import type { RequestContext } from '../../lib/core/context.ts';
import { type Random, randomInt } from '../../lib/core/random.ts';
import type { ApiKey, RequestInput, ResponseBody } from '../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../lib/wire/client-frame.ts';
import { receiveFrame, SIZE_PREFIX_BYTES } from '../../lib/wire/frame.ts';
import type { Instance } from './instance.ts';
import type { World } from './world.ts';

/** One way between client and broker, ms. */
const WAY_MIN_MS = 1;
const WAY_MAX_MS = 3;

/** A copy of a request that the network kept arrives at most this much later; ms. */
const COPY_MAX_MS = 4_000;

/** The broker that gets a request a second time, if it comes to that, and who is to know of it. */
export interface CopyTo {
  readonly instance: Instance;
  readonly copied: () => void;
  readonly arrives?: () => void;
}

export type Answer<Key extends ApiKey> = ResponseBody<Key> | 'closed';

/**
 * A TCP connection of a client to a broker: requests arrive in order, answers leave in the order of the requests, and it can
 * break at any moment, before a request has arrived or before its answer has.
 */
export class Connection {
  readonly instance: Instance;
  readonly #world: World;
  readonly #random: Random;
  readonly #client: string;
  readonly #abort = new AbortController();
  readonly #context: RequestContext;
  readonly #pending = new Set<(answer: 'closed') => void>();
  #inbox: Promise<void> = Promise.resolve();
  #outbox: Promise<unknown> = Promise.resolve();
  #arrival = 0;
  #correlation = 0;
  #open = true;
  #cut = false;

  constructor(world: World, client: string, instance: Instance, random: Random) {
    this.#world = world;
    this.#client = client;
    this.instance = instance;
    this.#random = random;
    this.#context = {
      principal: 'User:ANONYMOUS',
      clientId: client,
      host: '127.0.0.1',
      listener: 'PLAINTEXT',
      deadline: Number.POSITIVE_INFINITY,
      signal: this.#abort.signal,
    };
  }

  /** False once it broke, also by a crash of the broker. */
  get usable(): boolean {
    if (this.instance.process.state === 'down') this.close();
    return this.#open;
  }

  /**
   * Asks; 'closed' when the connection breaks or `timeoutMs` pass first. `copyTo`: a broker that gets the request a second
   * time, later, as a network that repeats what it should have dropped would do.
   */
  ask<Key extends ApiKey>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    timeoutMs: number,
    copyTo?: CopyTo,
  ): Promise<Answer<Key>> {
    const { clock, troubles } = this.#world;
    this.#world.events++;
    const frame = Buffer.concat(encodeRequest(apiKey, version, ++this.#correlation, this.#client, body));
    const request = frame.subarray(SIZE_PREFIX_BYTES);
    if (copyTo !== undefined && troubles.strikes('duplicate')) {
      copyTo.copied();
      this.#sendCopy(request, copyTo);
    }
    return new Promise((resolve) => {
      const settle = (answer: Answer<Key>) => {
        if (!this.#pending.delete(settle)) return;
        cancel();
        resolve(answer);
      };
      this.#pending.add(settle);
      const cancel = clock.setTimer(timeoutMs, () => this.close());
      // What is sent behind a lost request is lost as well: a connection delivers in order or not at all.
      this.#cut ||= troubles.strikes('dropBefore');
      if (!this.usable || this.#cut) return this.#breakSoon();
      const lost = troubles.strikes('dropAfter');
      this.#deliver(request, (chunks) => {
        if (chunks === undefined || lost) return this.close();
        const decoded = decodeResponse(apiKey, version, Buffer.concat(chunks).subarray(SIZE_PREFIX_BYTES));
        if (decoded.kind === 'malformed')
          this.#world.report('exception', `malformed answer to API ${apiKey}: ${decoded.reason}`);
        else settle(decoded.body);
      });
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#abort.abort();
    for (const settle of [...this.#pending]) settle('closed');
  }

  #breakSoon(): void {
    this.#world.clock.setTimer(this.#way(), () => {
      this.close();
      // Asked on a connection that had broken before.
      for (const settle of [...this.#pending]) settle('closed');
    });
  }

  #way(): number {
    return WAY_MIN_MS + this.#random.next() * (WAY_MAX_MS - WAY_MIN_MS);
  }

  /** Takes the frame to the broker, in order, and its answer back, in order. */
  #deliver(request: Buffer, answered: (chunks: readonly Buffer[] | undefined) => void): void {
    const { clock } = this.#world;
    this.#arrival = Math.max(this.#arrival, clock.monotonic() + this.#way());
    const arrived = new Promise<void>((resolve) => {
      clock.setTimer(this.#arrival - clock.monotonic(), resolve);
    });
    const result = this.#inbox.then(async () => {
      await arrived;
      await this.instance.ready();
      if (!this.#open) return undefined;
      return { outcome: this.instance.engine.handleFrame(receiveFrame(request), this.#context) };
    });
    this.#inbox = result.then(() => {});
    this.#outbox = Promise.all([result, this.#outbox]).then(async ([started]) => {
      const outcome = await started?.outcome;
      await this.instance.process.pass();
      await new Promise<void>((resolve) => clock.setTimer(this.#way(), resolve));
      answered(outcome?.kind === 'answer' ? outcome.chunks : undefined);
    });
  }

  #sendCopy(request: Buffer, { instance, arrives = () => {} }: CopyTo): void {
    const { clock } = this.#world;
    const context = { ...this.#context, signal: new AbortController().signal };
    clock.setTimer(randomInt(this.#random, 1, COPY_MAX_MS), () => {
      void instance.ready().then(() => {
        arrives();
        return instance.engine.handleFrame(receiveFrame(request), context);
      });
    });
  }
}
