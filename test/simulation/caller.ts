import { type Random, randomInt } from '../../lib/core/random.ts';
import type { ApiKey, RequestInput } from '../../lib/wire/apis.ts';
import type { Cluster } from './cluster.ts';
import { type Answer, Connection } from './connection.ts';
import type { Instance } from './instance.ts';

/** How long a client waits for an answer before it gives the connection up; ms. */
export const ANSWER_TIMEOUT_MS = 5_000;

const BACKOFF_MS = [5, 120] as const;

/** A client's way to the cluster: one connection at a time, another broker after a failure. */
export class Caller {
  readonly name: string;
  readonly cluster: Cluster;
  readonly random: Random;
  #connection: Connection | undefined;
  #only: Instance | undefined;
  #asksFunctions = false;

  constructor(cluster: Cluster, name: string) {
    this.cluster = cluster;
    this.name = name;
    this.random = cluster.world.split();
  }

  get connection(): Connection {
    if (this.#connection !== undefined && this.cluster.isResting(this.#connection.instance)) this.leave();
    if (this.#connection === undefined || !this.#connection.usable) {
      this.#connection = new Connection(this.cluster.world, this.name, this.#broker(), this.random);
    }
    return this.#connection;
  }

  /** From now on it asks this broker only. */
  stayWith(instance: Instance): void {
    this.leave();
    this.#only = instance;
  }

  /** From now on it asks processes that are in no fleet. */
  askFunctions(): void {
    this.leave();
    this.#asksFunctions = true;
  }

  #broker(): Instance {
    if (this.#asksFunctions) return this.cluster.pickFunction(this.random);
    return this.#only ?? this.cluster.pick(this.random);
  }

  /** Goes to another broker, or the same again, with the next request. */
  leave(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  ask<Key extends ApiKey>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<Answer<Key>> {
    return this.connection.ask(apiKey, version, body, timeoutMs);
  }

  /** Asks until there is an answer that `take` accepts. */
  async insist<Key extends ApiKey, T>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    take: (answer: Exclude<Answer<Key>, 'closed'>) => T | undefined,
  ): Promise<T> {
    for (;;) {
      const answer = await this.ask(apiKey, version, body);
      const taken = answer === 'closed' ? undefined : take(answer as Exclude<Answer<Key>, 'closed'>);
      if (taken !== undefined) return taken;
      this.leave();
      await this.pause();
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.cluster.world.clock.setTimer(ms, resolve);
    });
  }

  pause(): Promise<void> {
    return this.sleep(randomInt(this.random, ...BACKOFF_MS));
  }
}
