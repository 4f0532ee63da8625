import { systemRandom } from '../../lib/core/random.ts';
import type { Fault } from '../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey, type ResponseBody } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from './engine.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const SESSION_MS = 9_000;
export const HEARTBEAT_MS = 2_000;

/** Gateways of one fleet over one store, without a network. */
export class TestFleet {
  readonly clock: VirtualClock;
  readonly stores: MemoryStores;
  readonly #cutOff = new Set<string>();

  constructor(clock: VirtualClock) {
    this.clock = clock;
    this.stores = memoryStores({ clock, random: systemRandom });
  }

  /** From now on this gateway does not reach the store. */
  cutOff(host: string): void {
    this.#cutOff.add(host);
  }

  reconnect(host: string): void {
    this.#cutOff.delete(host);
  }

  /** A gateway that has joined; `settings` beside those of a fleet. */
  async start(host: string, settings: Readonly<Record<string, string>> = {}): Promise<Engine> {
    const engine = await this.compose(host, settings);
    const outcome = await engine.membership!.join([{ name: 'PLAINTEXT', host, port: 9092 }]);
    if (outcome.kind !== 'joined') throw new Error(`${host} did not join: node id ${outcome.nodeId} is taken`);
    return engine;
  }

  /** One that has not joined yet. */
  compose(host: string, settings: Readonly<Record<string, string>> = {}): Promise<Engine> {
    return startEngine({
      stores: this.stores.client({ name: host, faults: ({ client }) => this.#faultOf(client) }),
      clock: this.clock,
      address: { host, port: 9092 },
      settings: { 'tidelog.fleet': 'true', ...settings },
    });
  }

  #faultOf(host: string): Fault | undefined {
    return this.#cutOff.has(host) ? { refuse: 'unavailable' } : undefined;
  }
}

export type Told = ResponseBody<typeof ApiKey.Metadata>;

/** What a gateway's Metadata tells of one topic. */
export async function metadataOf(engine: Engine, name: string): Promise<Told> {
  return engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false });
}

/** Leader and epoch of a partition as a gateway tells them. */
export async function leaderOf(engine: Engine, name: string, partition = 0) {
  const told = await metadataOf(engine, name);
  const found = told.topics[0]!.partitions.find((one) => one.partitionIndex === partition)!;
  return { leader: found.leaderId, epoch: found.leaderEpoch };
}
