import { beforeEach, describe, expect, it } from 'vitest';
import type { WakeOutcome } from '../../../lib/run/wake.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { payload2, receivedOf } from '../../support/rest-events.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settledInTurns } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MIB = 1024 * 1024;
/** The least bytes between two wakes. */
const STEP_BYTES = 8 * MIB;
const ENVIRONMENT = { TIDELOG_SEAL_BYTES: `${STEP_BYTES}` };
const CONTEXT = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => 15 * 60_000 };

let clock: VirtualClock;
let stores: MemoryStores;
let functions: Functions;
let topic: TopicName;
let wakes: number;
/** What a wake does. */
let wake: () => Promise<WakeOutcome>;

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  stores = memoryStores({ clock, random: seededRandom(1) });
  wakes = 0;
  wake = async () => ({ kind: 'woken' });
  functions = cold();
  topic = await inTime(createTopic(clientOf(functions), 'growing'));
});

/** New instances of all functions. */
function cold(): Functions {
  const counted = () => {
    wakes++;
    return wake();
  };
  return startFunctions({ stores, clock, environment: ENVIRONMENT, wake: counted });
}

const inTime = <T>(work: Promise<T>) => settledInTurns(clock, work);

/** A batch of nearly a MiB; how long the answer took, ms. */
async function put(by = functions): Promise<number> {
  const batch = batchOf(['x'.repeat(MIB / 2 - 200)], { timestamp: clock.now() });
  const startedAt = clock.monotonic();
  expect(await inTime(produce(clientOf(by), topic, batch))).toMatchObject({ errorCode: 0 });
  return clock.monotonic() - startedAt;
}

async function fill(count: number): Promise<number[]> {
  const took: number[] = [];
  for (let batch = 0; batch < count; batch++) took.push(await put());
  return took;
}

const objects = () => [...stores.contents().blobs.keys()].filter((key) => key.startsWith('segment/'));
const due = () =>
  stores.contents().state.filter(({ pk, sk }) => pk === 'due' && Number(sk.split('/')[0]) <= clock.now());

describe('the function produce', () => {
  it('has history sealed as a topic grows, without a schedule', async () => {
    const other = cold();
    wake = async () => {
      // Lambda starts it some time after it has accepted the call.
      clock.setTimer(20, () => void other.seal({ tidelog: 'seal' }, CONTEXT));
      return { kind: 'woken' };
    };
    await fill(20);
    await clock.advance(10_000);
    expect(wakes).toBe(2);
    expect(objects()).toHaveLength(2);
    expect(await inTime(fetch(clientOf(cold()), topic))).toMatchObject({ errorCode: 0, highWatermark: 20 });
  });

  it('wakes once for each seal that is due, however many instances append', async () => {
    const instances = [functions, cold(), cold()];
    for (let count = 0; count < 36; count++) await put(instances[count % 3]);
    // Nobody has sealed yet.
    expect(wakes).toBe(4);
  });

  it('is not alone: rest wakes seal for what it appends', async () => {
    const records = Array.from({ length: 9 }, () => ({ value: 'x'.repeat(MIB / 2) }));
    const headers = { 'Content-Type': 'application/vnd.kafka.json.v2+json' };
    const event = payload2({ method: 'POST', path: '/topics/growing', headers, body: JSON.stringify({ records }) });
    // Above the bound of one request.
    expect(receivedOf(await inTime(functions.rest(event, LAMBDA_CONTEXT))).status).toBe(413);
    for (const half of [records.slice(0, 7), records.slice(0, 7), records.slice(0, 7)]) {
      const body = JSON.stringify({ records: half });
      const posted = payload2({ method: 'POST', path: '/topics/growing', headers, body });
      expect(receivedOf(await inTime(functions.rest(posted, LAMBDA_CONTEXT))).status).toBe(200);
    }
    expect(wakes).toBe(1);
  });

  it('puts the journal on the due list before, and answers after', async () => {
    const seen: number[] = [];
    wake = async () => {
      seen.push(due().length);
      await new Promise<void>((resolve) => clock.setTimer(30, resolve));
      return { kind: 'woken' };
    };
    const took = await fill(9);
    expect(seen).toEqual([1]);
    expect(took.filter((ms) => ms >= 30)).toHaveLength(1);
    functions.meters.produce.reset();
    await put();
    expect(functions.meters.produce.counts()).not.toHaveProperty(['state.put']);
  });

  it('logs a wake that failed, once, and leaves the journal to the schedule', async () => {
    wake = async () => ({ kind: 'failed', message: '404' });
    await fill(18);
    expect(wakes).toBe(2);
    const warned = functions.lines.filter(({ level }) => level !== 'debug');
    expect(warned).toEqual([expect.objectContaining({ level: 'warn', event: 'seal_not_woken', message: '404' })]);
    await inTime(functions.seal({ tidelog: 'seal' }, CONTEXT));
    expect(objects()).toHaveLength(2);
  });

  it('does not wait long for one that hangs', async () => {
    wake = () => new Promise(() => {});
    const took = await fill(9);
    expect(Math.max(...took)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...took)).toBeLessThan(2_500);
    expect(functions.lines).toContainEqual(expect.objectContaining({ event: 'seal_not_woken' }));
  });
});
