import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { VirtualClock } from '../../../lib/core/virtual-clock.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';

const T0 = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const EVENT = { tidelog: 'maintain' };

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;
let topic: TopicName;
let producers = 0;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: systemRandom });
  engine = await startEngine({ stores, clock });
  topic = await createTopic(engine.client, 'kept');
});

/** Has a checkpoint written that is too large for its item: every producer is part of it. */
async function writeCheckpoint(): Promise<void> {
  await clock.advance(1_001);
  for (let entry = 0; entry < 256; entry++) {
    const batch = batchOf(['x'], {
      timestamp: clock.now(),
      producerId: producers++,
      producerEpoch: 0,
      baseSequence: 0,
    });
    await produce(engine.client, topic, batch);
  }
  await engine.broker.admin.journals.settle();
}

const objects = () => [...stores.contents().blobs.keys()].filter((key) => key.startsWith('checkpoint/')).sort();

/** One call of the function, while time goes on. */
async function maintain(event: unknown = EVENT) {
  const functions = startFunctions({ stores, clock });
  const answer = functions.maintain(event, LAMBDA_CONTEXT);
  let done = false;
  void answer.finally(() => {
    done = true;
  });
  while (!done) {
    await clock.runUntil(() => done, 1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { answer: await answer, counts: functions.meters.maintain.counts() };
}

describe('upkeep', () => {
  it('with nothing due is a query of the groups and a list of the objects', async () => {
    const { answer, counts } = await maintain();
    expect(answer).toEqual({
      upkeep: {
        groups: { looked: 0, removed: 0, expired: 0, isComplete: true },
        checkpoints: { looked: 0, deleted: 0, isComplete: true },
      },
    });
    expect(counts).toEqual({ 'state.query': 1, 'blobs.list': 1 });
  });

  it('deletes the objects of replaced checkpoints, and not the one that is named', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    // The first is small enough for its item.
    const before = objects();
    expect(before.length).toBeGreaterThanOrEqual(2);
    await clock.advance(2 * HOUR_MS);
    const { answer } = await maintain();
    expect(answer).toMatchObject({ upkeep: { checkpoints: { looked: before.length, deleted: before.length - 1 } } });
    expect(objects()).toEqual([before.at(-1)]);
    const cold = await startEngine({ stores, clock });
    expect(await fetch(cold.client, topic)).toMatchObject({ errorCode: 0, highWatermark: 768 });
  });

  it('leaves objects that were replaced, or put, a while ago only', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const first = objects();
    await clock.advance(HOUR_MS + 10 * 60_000);
    expect((await maintain()).answer).toMatchObject({ upkeep: { checkpoints: { deleted: 0 } } });
    await clock.advance(HOUR_MS);
    await writeCheckpoint();
    // The old ones are old enough, but one of them was named until now.
    expect((await maintain()).answer).toMatchObject({ upkeep: { checkpoints: { deleted: 0 } } });
    expect(objects()).toContain(first.at(-1));
  });

  it('ends in time, and says that it is not done', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const functions = startFunctions({ stores, clock });
    const answer = await functions.maintain(EVENT, { getRemainingTimeInMillis: () => 0 });
    expect(answer).toMatchObject({ upkeep: { checkpoints: { isComplete: false } } });
  });

  it.each([[{ source: 'aws.scheduler' }], [{ source: 'aws.events', 'detail-type': 'Scheduled Event' }]])(
    'is asked for by %j',
    async (event) => {
      expect((await maintain(event)).answer).toHaveProperty('upkeep');
    },
  );

  it.each([[{}], [null], ['maintain'], [{ tidelog: 'frames' }], [{ httpMethod: 'POST' }]])(
    'is not asked for by %j',
    async (event) => {
      expect((await maintain(event)).answer).toMatchObject({ error: { status: 400 } });
    },
  );
});
