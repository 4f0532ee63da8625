import type { Authorize } from '../../lib/auth/authorize.ts';
import { type Clock, systemClock } from '../../lib/core/clock.ts';
import type { LogFields, Logger, LogLevel } from '../../lib/core/logger.ts';
import type { Observer } from '../../lib/core/observer.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { type ComposedBroker, composeBroker } from '../../lib/run/compose-broker.ts';
import { type MemoryStores, memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { meterStores } from '../../lib/storage/metering.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { CountingMeter } from './counting-meter.ts';
import { EngineClient } from './kafka-client.ts';
import { settingsOf } from './settings.ts';

export const CLUSTER_ID = 'test-cluster-0123456789';
export const ADDRESS = { host: 'broker.example', port: 9092 };

export interface EngineOptions {
  /** What it stores in; a memory store of its own when left out. */
  readonly stores?: Stores;
  readonly settings?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** Everything is allowed when left out. */
  readonly authorize?: Authorize;
  /** Where clients are told to find it; ADDRESS when left out. */
  readonly address?: { readonly host: string; readonly port: number };
  readonly observer?: Observer;
}

export interface LoggedLine extends LogFields {
  readonly level: LogLevel;
}

/** An engine without a network: handlers, log, journal and stores in this process. */
export interface Engine extends ComposedBroker {
  readonly client: EngineClient;
  /** Counts the calls to the stores. */
  readonly meter: CountingMeter;
  readonly lines: LoggedLine[];
  /** The journal of a topic's partition, opened if need be. */
  journalOf(topic: string, partition?: number): Promise<OpenJournal>;
  /** A client whose waiting requests end when `signal` aborts. */
  clientUntil(signal: AbortSignal): EngineClient;
}

/** Starts an engine; over a given store this is what a second process, or the next one, would be. */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const { clock = systemClock } = options;
  const stores = options.stores ?? emptyStores(clock);
  const meter = new CountingMeter();
  const lines: LoggedLine[] = [];
  const logger: Logger = { log: (level, fields) => lines.push({ level, ...fields }) };
  const composed = await composeBroker({
    stores: meterStores(stores, meter),
    clock,
    random: systemRandom,
    logger,
    settings: settingsOf({ 'tidelog.store': 'memory', 'cluster.id': CLUSTER_ID, ...options.settings }),
    advertised: () => options.address ?? ADDRESS,
    authorize: options.authorize,
    observer: options.observer,
  });
  return {
    ...composed,
    client: new EngineClient(composed.handleFrame),
    meter,
    lines,
    clientUntil: (signal) => new EngineClient(composed.handleFrame, signal),
    async journalOf(topic, partition = 0) {
      const resolved = await composed.broker.log.partitions.resolve({ name: topic }, partition);
      if (resolved.kind !== 'open') throw new Error(`${topic}-${partition}: ${JSON.stringify(resolved)}`);
      return resolved.open;
    },
  };
}

export function emptyStores(clock: Clock = systemClock): MemoryStores {
  return memoryStores({ clock, random: systemRandom });
}
