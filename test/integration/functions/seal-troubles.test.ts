import { expect, it } from 'vitest';
import { sleep } from '../../../lib/core/clock.ts';
import { type Random, randomInt } from '../../../lib/core/random.ts';
import { lastOffset } from '../../../lib/records/batch.ts';
import type { FaultPlan } from '../../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { LoggedLine } from '../../support/engine.ts';
import { clientOf, type Functions, startFunctions } from '../../support/functions.ts';
import { batchesIn, batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const EVENT = { tidelog: 'seal' };
const SEEDS = [1, 2, 3, 4, 5, 6];
const ROUNDS = 25;

/** A deployment whose store fails, loses answers and is slow for the function `seal`, and whose instances are killed. */
class Troubles {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly lines: LoggedLine[] = [];
  readonly #random: Random;
  readonly #stores: MemoryStores;
  readonly #clients: Functions;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#stores = memoryStores({ clock: this.clock, random: seededRandom(seed + 1_000) });
    this.#clients = this.#start();
  }

  #start(faults?: FaultPlan): Functions {
    const latency = () => ({ beforeMs: 1 + 20 * this.#random.next(), afterMs: 1 + 20 * this.#random.next() });
    const stores = faults === undefined ? this.#stores.client() : this.#stores.client({ faults, latency });
    return startFunctions({ stores, clock: this.clock, environment: { TIDELOG_INLINE_MAX_BYTES: '0' } });
  }

  /** Calls a new instance of `seal`, which may be killed at any call to a store. */
  call(): void {
    const diesAt =
      this.#random.next() < 0.4 ? this.clock.now() + randomInt(this.#random, 0, 3_000) : Number.POSITIVE_INFINITY;
    const functions = this.#start(() => {
      // Its process is gone: what it would send never arrives.
      if (this.clock.now() >= diesAt) return { delayBeforeMs: 100 * HOUR_MS };
      const chance = this.#random.next();
      if (chance < 0.02) return { refuse: 'unavailable' };
      return chance < 0.04 ? { loseAnswer: true } : undefined;
    });
    const withinMs = randomInt(this.#random, 500, 20_000);
    const call = functions.seal({ ...EVENT, withinMs }, { getRemainingTimeInMillis: () => 15 * MINUTE_MS });
    // A failed call is one that Lambda repeats.
    void call.catch(() => {}).then(() => this.lines.push(...functions.lines));
  }

  /** Calls without trouble until nothing is due. */
  async finish(): Promise<void> {
    for (let hour = 0; hour < 6; hour++) {
      await this.clock.advance(HOUR_MS);
      const functions = this.#start();
      await this.inTime(functions.seal(EVENT, { getRemainingTimeInMillis: () => 15 * MINUTE_MS }));
      this.lines.push(...functions.lines);
    }
  }

  create(name: string, configs: Readonly<Record<string, string>>): Promise<TopicName> {
    return this.inTime(createTopic(clientOf(this.#clients), name, { configs }));
  }

  async put(topic: TopicName, value: string): Promise<void> {
    const batch = batchOf([value], { timestamp: this.clock.now() });
    expect(await this.inTime(produce(clientOf(this.#clients), topic, batch))).toMatchObject({ errorCode: 0 });
  }

  /** What a new instance of the function `fetch` reads. */
  async readAll(topic: TopicName): Promise<string[]> {
    const client = clientOf(this.#start());
    const read: string[] = [];
    for (let offset = 0; ; ) {
      const fetched = await this.inTime(fetch(client, topic, { offset }));
      expect(fetched.errorCode).toBe(0);
      const last = batchesIn(fetched.records).at(-1)?.header;
      if (last === undefined) return read;
      read.push(...valuesIn(fetched.records).map(String));
      offset = lastOffset(last) + 1;
    }
  }

  /** What is due by now, or was long ago. */
  get due(): string[] {
    const { state } = this.#stores.contents();
    const items = state.filter(({ pk }) => pk === 'due').map(({ sk }) => sk);
    return items.filter((sk) => Number(sk.split('/')[0]) <= this.clock.now());
  }

  get sealedTopics(): Set<string> {
    const { state } = this.#stores.contents();
    return new Set(state.filter(({ pk }) => pk.startsWith('segments/')).map(({ pk }) => pk.split('/')[1]!));
  }

  pause(): Promise<void> {
    return this.inTime(sleep(this.clock, randomInt(this.#random, 0, 2 * MINUTE_MS)));
  }

  async inTime<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = () => {
      done = true;
    };
    work.then(end, end);
    while (!done) {
      await this.clock.runUntil(() => done, HOUR_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return work;
  }
}

it.each(SEEDS)(
  'what instances leave that fail or are killed, others finish, and no record is lost (seed %i)',
  async (seed) => {
    const troubles = new Troubles(seed);
    const topics = [
      await troubles.create('often', { 'segment.ms': '1000', 'retention.ms': '-1' }),
      await troubles.create('seldom', { 'segment.ms': `${10 * MINUTE_MS}`, 'retention.ms': '-1' }),
    ];
    const written = topics.map((): string[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, topic] of topics.entries()) {
        written[index]!.push(`${index} in round ${round}`);
        await troubles.put(topic, written[index]!.at(-1)!);
      }
      troubles.call();
      if (round % 3 === 0) troubles.call();
      await troubles.pause();
      for (const [index, topic] of topics.entries()) expect(await troubles.readAll(topic)).toEqual(written[index]);
    }
    await troubles.finish();
    for (const [index, topic] of topics.entries()) expect(await troubles.readAll(topic)).toEqual(written[index]);
    expect(troubles.sealedTopics).toEqual(new Set(topics.map(({ id }) => id)));
    expect(troubles.due).toEqual([]);
    expect(troubles.lines.filter(({ level }) => level === 'error')).toEqual([]);
  },
);
