import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { answerWithin } from '../../kit/deadline.ts';
import { type PutOptions, type PutOutcome, type StoreTime, StoreUnavailableError } from '../ports.ts';
import { StoreClock } from '../store-clock.ts';
import type { Fault, FaultPlan, LatencyModel, StoreCall } from './faults.ts';
import type { MemoryServer } from './server.ts';

/** The memory store tells its time exactly. */
const GRANULARITY_MS = 1;

/** How one client is set up. */
export interface ClientSettings {
  /** The process's own clock, which may be wrong or stopped. */
  readonly clock: Clock;
  readonly random: Random;
  readonly name: string;
  readonly faults: FaultPlan | undefined;
  readonly latency: LatencyModel | undefined;
}

export type CallIdentity = Omit<StoreCall, 'client'>;

/** An answer of a read with the store time of the moment it was given. */
export interface Answer<T> {
  readonly value: T;
  readonly storeTime: StoreTime;
}

/**
 * One client's link to one part of the store: time, latencies and faults, the same for items and
 * objects.
 */
export class ClientLink {
  readonly #server: MemoryServer;
  readonly #settings: ClientSettings;
  readonly #storeClock: StoreClock;

  constructor(server: MemoryServer, settings: ClientSettings) {
    this.#server = server;
    this.#settings = settings;
    this.#storeClock = new StoreClock(settings.clock, GRANULARITY_MS);
  }

  now(): StoreTime {
    return this.#storeClock.now();
  }

  /**
   * Makes a read: `perform` is the step at the store. Throws StoreUnavailableError where the faults
   * say so.
   */
  async read<T>(identity: CallIdentity, perform: (fault: Fault) => T): Promise<Answer<T>> {
    const { fault, beforeMs, afterMs } = this.#plan(identity);
    const sentAt = this.#storeClock.sending();
    await this.#travel(beforeMs);
    const value = fault.refuse === undefined ? perform(fault) : undefined;
    const told = this.#server.now();
    await this.#travel(afterMs);
    if (fault.loseAnswer) throw new StoreUnavailableError('the answer was lost');
    const storeTime = this.#storeClock.observe(told, sentAt);
    if (fault.refuse !== undefined) throw new StoreUnavailableError(`the store is ${fault.refuse}`);
    return { value: value as T, storeTime };
  }

  /** Makes a write: `perform` is the step at the store, given the signing time. */
  write(
    identity: CallIdentity,
    options: PutOptions | undefined,
    perform: (signedAt: StoreTime) => PutOutcome,
  ): Promise<PutOutcome> {
    const signedAt = this.#signingTime();
    if (options?.signBefore !== undefined && signedAt >= options.signBefore) {
      const message = `signing at ${signedAt}, allowed before ${options.signBefore}`;
      return Promise.resolve({ kind: 'refused', reason: 'stale', message });
    }
    return answerWithin(this.#settings.clock, options?.timeoutMs, this.#send(identity, signedAt, perform), () => ({
      kind: 'unknown',
      message: `no answer within ${options?.timeoutMs} ms`,
    }));
  }

  async #send(
    identity: CallIdentity,
    signedAt: StoreTime,
    perform: (signedAt: StoreTime) => PutOutcome,
  ): Promise<PutOutcome> {
    const { fault, beforeMs, afterMs } = this.#plan(identity);
    const sentAt = this.#storeClock.sending();
    if (fault.landAfterMs !== undefined) {
      this.#server.clock.setTimer(fault.landAfterMs, () => perform(signedAt));
      await this.#travel(beforeMs);
      return { kind: 'unknown', message: 'the connection was lost' };
    }
    await this.#travel(beforeMs);
    const outcome: PutOutcome =
      fault.refuse === undefined
        ? perform(signedAt)
        : { kind: 'refused', reason: fault.refuse, message: `the store is ${fault.refuse}` };
    const told = this.#server.now();
    await this.#travel(afterMs);
    if (fault.loseAnswer) return { kind: 'unknown', message: 'the answer was lost' };
    const storeTime = this.#storeClock.observe(told, sentAt);
    return outcome.kind === 'committed' || outcome.kind === 'conflict' ? { ...outcome, storeTime } : outcome;
  }

  /** Before the first answer there is only the local clock to sign by, as in an AWS SDK. */
  #signingTime(): StoreTime {
    const now = this.#storeClock.now();
    return Number.isNaN(now) ? this.#settings.clock.now() : now;
  }

  #plan(identity: CallIdentity): { readonly fault: Fault; readonly beforeMs: number; readonly afterMs: number } {
    const { name, random, faults, latency } = this.#settings;
    if (faults === undefined && latency === undefined) return NOTHING_PLANNED;
    const call: StoreCall = { client: name, ...identity };
    const fault = faults?.(call) ?? {};
    const usual = latency?.(call, random);
    return {
      fault,
      beforeMs: (usual?.beforeMs ?? 0) + (fault.delayBeforeMs ?? 0),
      afterMs: (usual?.afterMs ?? 0) + (fault.delayAfterMs ?? 0),
    };
  }

  /** The network's time is the world's, not the client's. */
  async #travel(ms: number): Promise<void> {
    if (ms > 0) await sleep(this.#server.clock, ms);
  }
}

const NOTHING_PLANNED = { fault: {}, beforeMs: 0, afterMs: 0 };
