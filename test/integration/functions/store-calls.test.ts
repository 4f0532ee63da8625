import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from '../../support/requests.ts';
import { payload2, receivedOf } from '../../support/rest-events.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

// The figures of the design: a warm produce or fetch is one call to the store, a cold one three more at most.

/** Records are of the virtual clock's time. */
const T0 = 1_700_000_000_000;
const small = (value: string) => batchOf([value], { timestamp: T0 });

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let functions: Functions;
let topic: TopicName;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: systemRandom });
  functions = start();
  topic = await running(createTopic(clientOf(functions), 'counted', { partitions: 4 }));
  await running(produce(clientOf(functions), topic, small('warm')));
  for (const meter of Object.values(functions.meters)) meter.reset();
});

const start = () => startFunctions({ stores, clock });

/** Lets the few ms pass that a request waits for others of its envelope. */
async function running<T>(request: Promise<T>): Promise<T> {
  let done = false;
  const settled = request.finally(() => {
    done = true;
  });
  while (!done) {
    await clock.runUntil(() => done);
    // What a function does between its last timer and its answer is no timer.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}

/** Topics are named by name in one version and by id in the other. */
describe.each([
  ['name', 12],
  ['id', 13],
] as const)('by %s', (_, version) => {
  it('a warm produce is one conditional put', async () => {
    const client = clientOf(functions);
    await running(produce(client, topic, small('known'), { version }));
    functions.meters.produce.reset();
    for (let count = 1; count <= 5; count++) {
      expect(await running(produce(client, topic, small('x'), { version }))).toMatchObject({ errorCode: 0 });
      expect(functions.meters.produce.counts()).toEqual({ 'journal.put': count });
    }
    expect(functions.meters.produce.totals('journal.put').outcomes).toEqual({ committed: 5 });
  });

  it('a warm fetch is one query', async () => {
    const client = clientOf(functions);
    await running(fetch(client, topic, { version }));
    await running(fetch(client, topic, { version }));
    await running(produce(client, topic, small('news')));
    functions.meters.fetch.reset();
    expect(valuesIn((await running(fetch(client, topic, { version, offset: 1 }))).records)).toEqual(['news']);
    expect(functions.meters.fetch.counts()).toEqual({ 'journal.query': 1 });
  });

  it('a cold produce is three reads more', async () => {
    const cold = start();
    const answer = await running(produce(clientOf(cold), topic, small('x'), { version }));
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(cold.meters.produce.counts()).toEqual({ 'state.get': 2, 'journal.query': 1, 'journal.put': 1 });
  });

  it('a cold fetch is three reads, and the data come with them', async () => {
    const cold = start();
    expect(valuesIn((await running(fetch(clientOf(cold), topic, { version }))).records)).toEqual(['warm']);
    expect(cold.meters.fetch.counts()).toEqual({ 'state.get': 2, 'journal.query': 1 });
  });
});

describe('beside that', () => {
  it('a produce above the inline bound is one object and one entry', async () => {
    const large = batchOf(['x'.repeat(10_000)], { timestamp: T0 });
    expect(await running(produce(clientOf(functions), topic, large))).toMatchObject({ errorCode: 0 });
    expect(functions.meters.produce.counts()).toEqual({ 'blobs.put': 1, 'journal.put': 1 });
  });

  it('a checkpoint is written before the answer, by the request whose entry it ends with', async () => {
    for (let slot = 2; slot < 255; slot++) await running(produce(clientOf(functions), topic, small('x')));
    const { produce: meter } = functions.meters;
    expect(meter.totals('state.put').calls).toBe(0);
    await running(produce(clientOf(functions), topic, small('x')));
    expect(meter.totals('state.put')).toMatchObject({ calls: 1, outcomes: { committed: 1 } });
  });

  it('a topic that has not been looked at for ten seconds is read again before the answer', async () => {
    await clock.advance(10_001);
    await running(produce(clientOf(functions), topic, small('x')));
    expect(functions.meters.produce.counts()).toEqual({ 'journal.put': 1, 'state.get': 1 });
  });

  it('a heartbeat and the look for a coordinator cost what they do in a gateway', async () => {
    const client = clientOf(functions);
    await running(client.ask(ApiKey.FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] }));
    expect(functions.meters.coordinate.counts()).toEqual({});
    const beat = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null };
    await running(client.ask(ApiKey.Heartbeat, 4, beat));
    expect(functions.meters.coordinate.counts()).toEqual({ 'state.get': 1 });
  });
});

describe('records by REST', () => {
  const JSON_TYPE = { 'Content-Type': 'application/json' };

  async function post(path: string, body: object, headers: Readonly<Record<string, string>> = JSON_TYPE) {
    const event = payload2({ method: 'POST', path, headers, body: JSON.stringify(body) });
    return receivedOf(await running(functions.rest(event, LAMBDA_CONTEXT)));
  }

  it('cost what the same records cost by Kafka, a MB in one POST too', async () => {
    const values = Array.from({ length: 1_000 }, (_, at) => String(at).padStart(1_000, '.'));
    const v2 = { 'Content-Type': 'application/vnd.kafka.json.v2+json' };
    const batch = encodeBatch(
      values.map((value) => ({ timestamp: T0, key: null, value: Buffer.from(value) })),
      {},
    );
    const posts = [
      () => post('/topics/counted', { records: values.map((value) => ({ value })) }, v2),
      () => post('/v3/clusters/c/topics/counted/records:batch', { entries: values.map(entryOf) }),
    ];
    await post('/topics/counted', { records: [{ value: 'warm' }] }, v2);
    await running(produce(clientOf(functions), topic, small('warm')));
    functions.meters.produce.reset();
    const produced = await running(produce(clientOf(functions), topic, batch));
    expect(produced).toMatchObject({ errorCode: 0 });
    expect(functions.meters.produce.counts()).toEqual({ 'blobs.put': 1, 'journal.put': 1 });
    for (const send of posts) {
      // Both have now seen what the other one appended.
      await post('/topics/counted', { records: [{ value: 'warm' }] }, v2);
      functions.meters.rest.reset();
      expect((await send()).status).toBeLessThan(300);
      expect(functions.meters.rest.counts()).toEqual(functions.meters.produce.counts());
    }
  });

  const entryOf = (data: string, at: number) => ({ id: String(at), value: { type: 'STRING', data } });
});
