import { expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { SegmentWork } from '../../../lib/run/segment-work.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { scaled } from '../../support/machine.ts';
import { batchOf, createTopic, produce } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** 10,000 take a minute and a half: `TIDELOG_IDLE_TOPICS=10000 npx vitest run idle-topics`. */
const TOPICS = Number(process.env.TIDELOG_IDLE_TOPICS ?? 500);
const HOUR_MS = 60 * 60 * 1000;
const RETENTION_HOURS = 7 * 24;

/** Hours until everything is sealed, read back, trimmed and collected; the graces take two each. */
const SETTLED_HOURS = 24;

const clock = new VirtualClock(1_700_000_000_000);

/** Lets virtual time pass until the work is done. */
async function done<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const end = () => {
    isDone = true;
  };
  work.then(end, end);
  await clock.runUntil(() => isDone, 100 * HOUR_MS);
  return work;
}

async function fill(engine: Engine, topics: number): Promise<void> {
  for (let topic = 0; topic < topics; topic++) {
    const name = await createTopic(engine.client, `topic-${topic}`);
    const { errorCode } = await produce(engine.client, name, batchOf(['only'], { timestamp: clock.now() }));
    expect(errorCode).toBe(0);
  }
}

it(`a sweep makes no request for any of ${TOPICS} idle topics`, { timeout: scaled(300_000) }, async () => {
  const stores = memoryStores({ clock, random: seededRandom(1) });
  const engine = await done(startEngine({ stores: stores.client(), clock }));
  await done(fill(engine, TOPICS));
  const work = new SegmentWork(engine.broker.admin, engine.segments);
  const lines: object[] = [];
  const unreadable = new UnreadableItems({ log: (level, fields) => void lines.push({ level, ...fields }) });
  const sweep = async (by = work) => {
    const { counts, isComplete } = await done(by.sweep(unreadable, undefined, Number.POSITIVE_INFINITY));
    expect(isComplete).toBe(true);
    return counts;
  };

  let sealed = 0;
  for (let hour = 0; hour < SETTLED_HOURS; hour++) {
    await clock.advance(HOUR_MS);
    sealed += (await sweep()).sealed ?? 0;
  }
  expect(sealed).toBeGreaterThanOrEqual(TOPICS);

  // Every hour until retention ends the records, and from a process that has just started.
  engine.meter.reset();
  for (let hour = SETTLED_HOURS; hour < RETENTION_HOURS - 1; hour++) {
    await clock.advance(HOUR_MS);
    expect(await sweep()).toMatchObject({ looked: 0 });
  }
  const sweeps = RETENTION_HOURS - 1 - SETTLED_HOURS;
  expect(engine.meter.counts()).toEqual({ 'state.query': sweeps });
  expect(engine.meter.totals('state.query').items).toBe(0);

  const next = await done(startEngine({ stores: stores.client(), clock }));
  const nextWork = new SegmentWork(next.broker.admin, next.segments);
  next.meter.reset();
  expect(await sweep(nextWork)).toMatchObject({ looked: 0 });
  // One more query, as its stores have not told it the time yet.
  expect(next.meter.counts()).toEqual({ 'state.query': 2 });

  // When retention has ended them, nothing is left on the list.
  for (let hour = 0; hour < SETTLED_HOURS; hour++) {
    await clock.advance(HOUR_MS);
    await sweep(nextWork);
  }
  next.meter.reset();
  await clock.advance(365 * 24 * HOUR_MS);
  expect(await sweep(nextWork)).toMatchObject({ looked: 0 });
  expect(next.meter.counts()).toEqual({ 'state.query': 1 });
  expect(lines).toEqual([]);
});
