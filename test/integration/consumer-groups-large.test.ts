import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { randomUuid } from '../../lib/core/uuid.ts';
import { encodeConsumerBody } from '../../lib/groups/consumer/codec.ts';
import { GROUP_BYTES_MAX } from '../../lib/groups/group-store.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import { deflateBody } from '../../lib/storage/items/group-body.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { ConsumerGroupModel } from '../support/consumer-group-model.ts';
import { ConsumerMember, describeConsumerGroup } from '../support/consumer-member.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { scaled } from '../support/machine.ts';
import { createTopic } from '../support/requests.ts';
import { seededRandom } from '../support/seeded-random.ts';

const MEMBERS = 200;
const PARTITIONS = 500;
const CONVERGED_WITHIN_MS = 10_000;
/** A thousand joins are seconds of work, more where other tests run beside it. */
const LARGE_TIMEOUT_MS = scaled(120_000);

describe('a large group on the embedded store', () => {
  const folder = temporaryFolder();
  let stores: Stores;
  let engine: Engine;

  beforeAll(async () => {
    stores = await openEmbeddedStores({ path: folder.path, clock: systemClock, random: systemRandom });
    engine = await startEngine({ stores });
    await createTopic(engine.client, 'orders', { partitions: PARTITIONS });
  });

  afterAll(async () => {
    await engine.close();
    await stores.close();
    folder.remove();
  });

  it(`of ${MEMBERS} members has all ${PARTITIONS} partitions assigned within ${CONVERGED_WITHIN_MS / 1000} s`, async () => {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const members = Array.from(
      { length: MEMBERS },
      (_, n) => new ConsumerMember(engine.client, 'large', `member-${n}`, ['orders']),
    );
    const began = performance.now();
    const live = async (member: ConsumerMember) => {
      while (!stop.signal.aborted) {
        const answer = await member.heartbeat();
        expect(answer.errorCode).toBe(0);
        // As clients do, it says at once that it has done what it was told to.
        if (answer.assignment === null)
          await wait(member.heartbeatIntervalMs, undefined, { signal: stop.signal }).catch(() => {});
      }
    };
    const lives = members.map(live);
    const isStable = async () => (await describeConsumerGroup(engine.client, 'large')).groupState === 'Stable';
    while (performance.now() - began < scaled(CONVERGED_WITHIN_MS) && !(await isStable())) await wait(100);
    const took = performance.now() - began;
    stop.abort();
    await Promise.all(lives);
    const sizes = members.map(({ owned }) => owned.length);
    expect(new Set(members.flatMap(({ owned }) => owned)).size).toBe(PARTITIONS);
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([2, 3]);
    expect(took).toBeLessThan(scaled(CONVERGED_WITHIN_MS));
    process.stdout.write(`${MEMBERS} members over ${PARTITIONS} partitions: ${Math.round(took)} ms\n`);
  });
});

it(
  'a group of 1,000 members fits into its item, also in the middle of a rebalance',
  () => {
    const random = seededRandom(848);
    const model = new ConsumerGroupModel(false);
    const names = Array.from({ length: 10 }, (_, n) => `events-of-source-${n}`);
    for (const name of names) model.topics.set(name, { name, topicId: randomUuid(random), partitions: 200 });
    let largest = 0;
    const measure = () => {
      largest = Math.max(largest, deflateBody(JSON.stringify(encodeConsumerBody(model.group!))).length);
    };
    for (let n = 0; n < 1000; n++) {
      const client = model.addClient({ names, pattern: '' });
      client.memberId = randomUuid(random);
      model.heartbeat(client);
      model.settle(client);
      if (n % 100 === 99) measure();
    }
    for (const client of model.clients) {
      model.heartbeat(client);
      if (model.clients.indexOf(client) % 100 === 0) measure();
    }
    for (let round = 0; round < 2; round++) {
      for (const client of model.clients) {
        model.settle(client);
        model.heartbeat(client);
      }
      measure();
    }
    expect(model.owners().size).toBe(2000);
    expect(largest).toBeLessThan(GROUP_BYTES_MAX);
    process.stdout.write(`1,000 members over 2,000 partitions: ${largest} bytes\n`);
  },
  LARGE_TIMEOUT_MS,
);
