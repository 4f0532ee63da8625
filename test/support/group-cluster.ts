import { type Clock, sleep } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { Random } from '../../lib/core/random.ts';
import { randomInt } from '../../lib/core/random.ts';
import { GroupCoordinator } from '../../lib/groups/coordinator.ts';
import type { Submitted } from '../../lib/groups/environment.ts';
import type { Step } from '../../lib/groups/step.ts';
import { Turns } from '../../lib/kit/turns.ts';
import type { FaultPlan, LatencyModel } from '../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { Topics } from '../../lib/topics/topics.ts';
import { Process } from '../simulation/process.ts';
import { processStores } from '../simulation/process-stores.ts';
import { GROUP_CONFIG } from './consumer-group-model.ts';
import { TOPIC_DEFAULTS } from './topic-defaults.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One coordinator in a process that can be killed between any two of its steps. */
interface Instance {
  readonly process: Process;
  readonly coordinator: GroupCoordinator;
}

export interface GroupClusterOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly instances: number;
  readonly faults?: FaultPlan;
  readonly latency?: LatencyModel;
  readonly initialRebalanceDelayMs?: number;
}

/** How long after its process a connection is gone. */
const BREAKS_WITHIN_MS = 250;

/** As coarse as the time in AWS's answers. */
const GRANULARITY_MS = 1_000;

/** Several coordinators over one memory store on a virtual clock. Clients are connected to whichever they happen upon. */
export class GroupCluster {
  readonly clock: VirtualClock;
  readonly stores: MemoryStores;
  readonly instances: Instance[] = [];
  readonly #options: GroupClusterOptions;
  #started = 0;

  constructor(options: GroupClusterOptions) {
    this.#options = options;
    this.clock = options.clock;
    const { clock, random, faults, latency } = options;
    this.stores = memoryStores({ clock, random, ...(faults && { faults }), ...(latency && { latency }) });
    for (let i = 0; i < options.instances; i++) this.start();
  }

  start(): Instance {
    const { random, initialRebalanceDelayMs = 0 } = this.#options;
    const name = `process ${this.#started++}`;
    const process = new Process(name, this.clock, 0);
    const { state } = processStores(process, this.stores.client({ name }), GRANULARITY_MS);
    const topics = new Topics(state, process.clock, TOPIC_DEFAULTS);
    const config = { ...GROUP_CONFIG, classic: { ...GROUP_CONFIG.classic, initialRebalanceDelayMs } };
    const coordinator = new GroupCoordinator({
      state,
      clock: process.clock,
      random,
      logger: silentLogger,
      config,
      topics,
      turns: new Turns(process.clock),
      deleteOffsets: async () => true,
      expireOffsets: async () => false,
      keepsOffsets: async () => true,
    });
    const instance = { process, coordinator };
    this.instances.push(instance);
    return instance;
  }

  /** Kills one of the instances where it stands, and starts another one. */
  replaceOne(): void {
    const index = randomInt(this.#options.random, 0, this.instances.length);
    const [dead] = this.instances.splice(index, 1);
    dead!.process.crash();
    this.start();
  }

  /** A client of the cluster. */
  connect(): GroupConnection {
    return new GroupConnection(this, this.#options.random);
  }
}

/** A client's connection: to one instance until it fails, then to any other. */
export class GroupConnection {
  readonly #cluster: GroupCluster;
  readonly #random: Random;
  #instance: Instance;
  #abort = new AbortController();

  constructor(cluster: GroupCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#instance = this.#any();
  }

  get clock(): Clock {
    return this.#cluster.clock;
  }

  /** Sends a step; `lost` when there is no answer in time, or its process is gone. */
  async ask<Reply>(
    groupId: string,
    step: Step<Reply>,
    timeoutMs: number,
  ): Promise<Submitted<Reply> | { readonly kind: 'lost' }> {
    if (this.#instance.process.state === 'down') this.#reconnect();
    const context = {
      principal: 'User:ANONYMOUS' as const,
      clientId: 'client',
      host: '127.0.0.1',
      listener: 'PLAINTEXT',
      deadline: Number.POSITIVE_INFINITY,
      signal: this.#abort.signal,
    };
    const { process, coordinator } = this.#instance;
    const answer = coordinator.submit(groupId, step, context).then(async (submitted) => {
      await process.pass();
      return submitted;
    });
    const done = new AbortController();
    const outcome = await Promise.race([answer, this.#failure(process, timeoutMs, done.signal)]);
    done.abort();
    if (outcome.kind === 'lost') this.#reconnect();
    return outcome;
  }

  /** Closes the connection: what waits for an answer is given up. */
  close(): void {
    this.#abort.abort();
  }

  /** Resolves when there can be no answer any more: a connection to a process that is gone breaks soon. */
  async #failure(process: Process, timeoutMs: number, done: AbortSignal): Promise<{ readonly kind: 'lost' }> {
    const until = this.clock.monotonic() + timeoutMs;
    const abort = this.#abort.signal;
    while (process.state === 'up' && !abort.aborted && !done.aborted && this.clock.monotonic() < until) {
      await sleep(this.clock, BREAKS_WITHIN_MS, done);
    }
    return { kind: 'lost' };
  }

  #reconnect(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#instance = this.#any();
  }

  #any(): Instance {
    return this.#cluster.instances[randomInt(this.#random, 0, this.#cluster.instances.length)]!;
  }
}
