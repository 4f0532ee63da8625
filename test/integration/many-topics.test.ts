import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** One call of a store, there and back. */
const CALL_MS = 10;
const TIMED_OUT = errorCode('REQUEST_TIMED_OUT');

let clock: VirtualClock;
let engine: Engine;

beforeEach(async () => {
  clock = new VirtualClock();
  const latency = () => ({ beforeMs: CALL_MS / 2, afterMs: CALL_MS / 2 });
  engine = await startEngine({ stores: memoryStores({ clock, random: systemRandom, latency }), clock });
});

/** Lets time pass until the answer is there; tells how much it took. */
async function timed<T>(work: Promise<T>): Promise<{ readonly answer: T; readonly ms: number }> {
  const startedAt = clock.monotonic();
  let done = false;
  void work.finally(() => {
    done = true;
  });
  expect(await clock.runUntil(() => done, 600_000)).toBe(true);
  return { answer: await work, ms: clock.monotonic() - startedAt };
}

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `topic-${index}`);
const codes = (results: readonly { readonly errorCode: number }[]) => results.map((one) => one.errorCode);

async function create(names: readonly string[], timeoutMs: number) {
  const topics = names.map((name) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }));
  const { answer, ms } = await timed(
    engine.client.ask(ApiKey.CreateTopics, 7, { topics, timeoutMs, validateOnly: false }),
  );
  return { topics: answer.topics, ms };
}

async function remove(topicNames: readonly string[], timeoutMs: number) {
  const { answer, ms } = await timed(
    engine.client.ask(ApiKey.DeleteTopics, 5, { topicNames: [...topicNames], timeoutMs }),
  );
  return { responses: answer.responses, ms };
}

async function addPartitions(names: readonly string[], timeoutMs: number) {
  const topics = names.map((name) => ({ name, count: 2, assignments: null }));
  const { answer, ms } = await timed(
    engine.client.ask(ApiKey.CreatePartitions, 3, { topics, timeoutMs, validateOnly: false }),
  );
  return { results: answer.results, ms };
}

describe('500 topics in one request', () => {
  it('are created, changed and deleted some at a time, and answered in their order', async () => {
    const names = namesOf(500);
    const created = await create(names, 30_000);
    expect(created.topics.map(({ name }) => name)).toEqual(names);
    expect(new Set(codes(created.topics))).toEqual(new Set([0]));
    const added = await addPartitions(names, 30_000);
    expect(new Set(codes(added.results))).toEqual(new Set([0]));
    const removed = await remove(names, 30_000);
    expect(removed.responses.map(({ name }) => name)).toEqual(names);
    expect(new Set(codes(removed.responses))).toEqual(new Set([0]));
    // Half of what it would take one after the other with a single call for each topic; there are several.
    const most = (500 * CALL_MS) / 2;
    expect([created.ms < most, added.ms < most, removed.ms < most]).toEqual([true, true, true]);
  });
});

describe('the time-out of a request', () => {
  // As Apache Kafka 4.3.1 answers: nothing is begun, and there is no message.
  it.each([0, -1])('of %i ms leaves no time to begin', async (timeoutMs) => {
    const names = namesOf(3);
    const created = await create(names, timeoutMs);
    expect(created.topics.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual(
      names.map(() => [TIMED_OUT, null]),
    );
    expect(codes((await create(names, 30_000)).topics)).toEqual([0, 0, 0]);
    expect(codes((await addPartitions(names, timeoutMs)).results)).toEqual([TIMED_OUT, TIMED_OUT, TIMED_OUT]);
    expect(codes((await remove(names, timeoutMs)).responses)).toEqual([TIMED_OUT, TIMED_OUT, TIMED_OUT]);
    expect(codes((await addPartitions(names, 30_000)).results)).toEqual([0, 0, 0]);
    expect(codes((await remove(names, 30_000)).responses)).toEqual([0, 0, 0]);
  });

  it('ends what was not begun by then; what was begun is done', async () => {
    const names = namesOf(200);
    const { topics, ms } = await create(names, 100);
    const created = topics.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name);
    expect(created.length).toBeGreaterThan(0);
    expect(codes(topics).filter((code) => code === TIMED_OUT)).toHaveLength(200 - created.length);
    expect(created.length).toBeLessThan(200);
    expect(ms).toBeLessThan(300);
    const { answer } = await timed(
      engine.client.ask(ApiKey.Metadata, 12, { topics: null, allowAutoTopicCreation: false }),
    );
    expect(answer.topics.map(({ name }) => name).sort()).toEqual([...created].sort());
  });
});
