import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { silentLogger } from '../../../lib/core/logger.ts';
import { composeBroker } from '../../../lib/run/compose-broker.ts';
import { scheduleSegments } from '../../../lib/run/segment-schedule.ts';
import { scheduleUpkeep } from '../../../lib/run/upkeep-schedule.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { awsLatency } from '../../simulation/latencies.ts';
import { EngineClient } from '../../support/kafka-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settingsOf } from '../../support/settings.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { Bill, noRequests, plus, type Requests, type Row, type Stored } from './bill.ts';
import { type Load, Workload } from './workload.ts';

export const GIB = 1024 ** 3;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Records and entries are kept for 7 days; the eighth day deletes what is left; nothing is due on the ninth. */
const AFTERLIFE_DAYS = 9;

/** Virtual time between two turns of the event loop, in which modules are loaded; ms. */
const STEP_MS = 250;
const IDLE_STEP_MS = 60_000;

export interface Case {
  readonly profile: 'latency' | 'default' | 'cost';
  readonly load: Load;
  /** Virtual time in which the workload is counted; ms. */
  readonly durationMs: number;
  /** Whether the time after the writing, until everything is deleted, is counted too. */
  readonly withAfterlife: boolean;
}

export interface Figures {
  readonly producedBytes: number;
  readonly consumedBytes: number;
  readonly durationMs: number;
  /** Requests while the workload ran and, with the afterlife, until everything was deleted. */
  readonly requests: ReadonlyMap<Row, Requests>;
  /** Requests of a day in which nothing is left to do; empty without the afterlife. */
  readonly perIdleDay: ReadonlyMap<Row, Requests>;
  /** Days of the afterlife. */
  readonly afterlifeDays: number;
  /** Bytes stored at the end of the writing, and after each further day. */
  readonly storedByDay: readonly Readonly<Record<Stored, number>>[];
  /** Dollars for all that was stored, as long as it was. */
  readonly storage: { readonly dynamodb: number; readonly s3: number };
}

/**
 * Runs one gateway (all that a process that stays up does: the engine, sealing, merging, retention,
 * trimming, collection, upkeep) with a producer and a consumer at the tail, on stores in memory that
 * answer as late as AWS, in virtual time.
 */
export async function runCase({ profile, load, durationMs, withAfterlife }: Case): Promise<Figures> {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const bill = new Bill(clock);
  const stores = bill.watch(memoryStores({ clock, random, latency: awsLatency }));
  const settings = settingsOf({
    'tidelog.store': 'aws',
    'tidelog.journal.table': 'journal',
    'tidelog.state.table': 'state',
    'tidelog.bucket': 'bucket',
    'tidelog.profile': profile,
  });
  const work = async <T>(promise: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = promise.finally(() => {
      isDone = true;
    });
    done.catch(() => {});
    await clock.runUntil(() => isDone, DAY_MS);
    return done;
  };
  // The schedules load these when they first need them, which no virtual clock waits for.
  await Promise.all([
    import('../../../lib/run/segment-work.ts'),
    import('../../../lib/run/upkeep.ts'),
    import('../../../lib/run/wal-job.ts'),
  ]);
  const advance = async (ms: number, stepMs = STEP_MS) => {
    for (let left = ms; left > 0; left -= stepMs) {
      await clock.advance(Math.min(left, stepMs));
      await turnOfLoop();
    }
  };
  const advertised = () => ({ host: 'gateway.example', port: 9092 });
  const engine = await work(composeBroker({ stores, clock, random, logger: silentLogger, settings, advertised }));
  const checkEveryMs = settings.logRetentionCheckIntervalMs;
  const ends = [
    scheduleUpkeep(engine, clock, silentLogger),
    scheduleSegments({ engine, clock, random, logger: silentLogger, checkEveryMs }),
  ];
  const workload = await work(Workload.create(new EngineClient(engine.handleFrame), clock, load));
  const running = workload.run();
  running.catch(() => {});
  await advance(durationMs);
  workload.stop();
  await work(running);
  const storedByDay = [bill.stored()];
  let perIdleDay: ReadonlyMap<Row, Requests> = new Map();
  const afterlifeDays = withAfterlife ? AFTERLIFE_DAYS : 0;
  for (let day = 1; day <= afterlifeDays; day++) {
    const then = bill.requests();
    await advance(DAY_MS, IDLE_STEP_MS);
    storedByDay.push(bill.stored());
    perIdleDay = difference(bill.requests(), then);
  }
  for (const end of ends) end();
  return {
    producedBytes: workload.producedBytes,
    consumedBytes: workload.consumedBytes,
    durationMs,
    requests: bill.requests(),
    perIdleDay,
    afterlifeDays,
    storedByDay,
    storage: bill.storageDollars(),
  };
}

function difference(after: ReadonlyMap<Row, Requests>, before: ReadonlyMap<Row, Requests>): ReadonlyMap<Row, Requests> {
  return new Map([...after].map(([cause, requests]) => [cause, plus(requests, before.get(cause) ?? noRequests(), -1)]));
}

/**
 * The requests for one GiB of a stream that never ends at the case's rate. Of the afterlife, what an
 * idle gateway does anyway is taken off; of that, the share of the time in which a GiB is written is
 * added.
 */
export function perGiB(figures: Figures): ReadonlyMap<Row, Requests> {
  const { requests, perIdleDay, afterlifeDays, durationMs, producedBytes } = figures;
  const gib = producedBytes / GIB;
  const days = durationMs / DAY_MS;
  return new Map(
    [...requests].map(([cause, all]) => {
      const idle = perIdleDay.get(cause) ?? noRequests();
      const own = plus(all, idle, -(days + afterlifeDays));
      const busy = plus(noRequests(), own, 1 / gib);
      const total = plus(atLeastNothing(busy), idle, days / gib);
      return [cause, total];
    }),
  );
}

function atLeastNothing(requests: Requests): Requests {
  const entries = Object.entries(requests).map(([key, value]) => [key, Math.max(0, value)]);
  return Object.fromEntries(entries) as unknown as Requests;
}
