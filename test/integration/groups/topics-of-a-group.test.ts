import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
// The virtual clock waits for no module that is still being loaded.
import '../../../lib/groups/consumer/topic-pattern.ts';
import { LIST_AGE_MAX_MS, LIST_EVERY_MS } from '../../../lib/groups/topic-list.ts';
import { LOOK_AGE_MAX_MS } from '../../../lib/groups/topic-looks.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ConsumerMember, type HeartbeatAnswer } from '../../support/consumer-member.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { createTopic, deleteTopic } from '../../support/requests.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MEMBERS = 40;
const HEARTBEAT_MS = 5_000;

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;

beforeEach(async () => {
  clock = new VirtualClock();
  stores = memoryStores({ clock, random: systemRandom });
  engine = await startEngine({ stores, clock });
});

/** Lets time pass until the promise is settled. */
const settled = <T>(promise: Promise<T>) => settledOn(clock, promise);

const create = (name: string, from = engine) => settled(createTopic(from.client, name, { partitions: 1 }));
const heartbeat = (member: ConsumerMember) => settled(member.heartbeat());
const topicsOf = ({ owned }: ConsumerMember) => owned.map((one) => one.split(' ')[0]);

function withPattern(id: string, pattern: string, from = engine, group = 'by-pattern'): ConsumerMember {
  return new ConsumerMember(from.client, group, id, [], { subscribedTopicRegex: pattern });
}

describe('members that subscribe to different topics and join at the same time', () => {
  it('all join at their first request, and each gets its topic', async () => {
    const names = Array.from({ length: MEMBERS }, (_, index) => `topic-${index}`);
    const ids = await Promise.all(names.map(async (name) => (await create(name)).id));
    // A process that has seen none of the topics.
    engine = await startEngine({ stores, clock });
    const members = names.map((name, index) => new ConsumerMember(engine.client, 'different', `m-${index}`, [name]));
    const answers = await settled(Promise.all(members.map((member) => member.heartbeat())));
    expect(answers.map(({ errorCode, errorMessage }) => ({ errorCode, errorMessage }))).toEqual(
      names.map(() => ({ errorCode: 0, errorMessage: null })),
    );
    for (let round = 0; round < 2; round++) for (const member of members) await heartbeat(member);
    expect(members.map(topicsOf)).toEqual(ids.map((id) => [id]));
  });

  it('read each topic once', async () => {
    const names = Array.from({ length: MEMBERS }, (_, index) => `topic-${index}`);
    for (const name of names) await create(name);
    engine = await startEngine({ stores, clock });
    engine.meter.reset();
    const members = names.map((name, index) => new ConsumerMember(engine.client, 'different', `m-${index}`, [name]));
    await settled(Promise.all(members.map((member) => member.heartbeat())));
    // The group's head, before and after it is written.
    expect(engine.meter.counts()['state.get']).toBeLessThanOrEqual(MEMBERS + 2);
  });

  it('are not held up by one whose topic is missing, and find it once it is there', async () => {
    await create('orders');
    const waiting = new ConsumerMember(engine.client, 'g', 'waiting', ['to-come']);
    const reading = new ConsumerMember(engine.client, 'g', 'reading', ['orders']);
    await settled(Promise.all([waiting.heartbeat(), reading.heartbeat()]));
    expect([waiting.owned.length, reading.owned.length]).toEqual([0, 1]);
    const other = await startEngine({ stores, clock });
    const toCome = await create('to-come', other);
    // The first process remembers that there was no such topic; a join looks again.
    const third = new ConsumerMember(engine.client, 'g', 'third', ['to-come']);
    await heartbeat(third);
    for (const member of [waiting, third, waiting, third]) await heartbeat(member);
    expect([...topicsOf(waiting), ...topicsOf(third)]).toEqual([toCome.id]);
  });
});

describe('a subscription by pattern', () => {
  it('has a topic that another process created just before the join', async () => {
    const other = await startEngine({ stores, clock });
    await create('logs-1');
    await heartbeat(withPattern('first', 'logs-.*', engine, 'earlier'));
    await create('logs-2', other);
    const joining = withPattern('second', 'logs-.*');
    const before = clock.monotonic();
    await heartbeat(joining);
    expect(joining.owned).toHaveLength(2);
    expect(clock.monotonic() - before).toBeLessThanOrEqual(LIST_EVERY_MS);
  });

  it('has it also where the pattern is another member’s already', async () => {
    const other = await startEngine({ stores, clock });
    await create('logs-1');
    const first = withPattern('first', 'logs-.*');
    for (let beat = 0; beat < 2; beat++) await heartbeat(first);
    await create('logs-2', other);
    const second = withPattern('second', 'logs-.*');
    for (const member of [second, first, first, second]) await heartbeat(member);
    expect([...first.owned, ...second.owned]).toHaveLength(2);
  });

  it('follows topics that this process creates and deletes, at the next heartbeat', async () => {
    await create('logs-1');
    const member = withPattern('one', 'logs-.*');
    for (let beat = 0; beat < 2; beat++) await heartbeat(member);
    const second = await create('logs-2');
    await heartbeat(member);
    expect(topicsOf(member)).toContain(second.id);
    await settled(deleteTopic(engine.client, 'logs-1'));
    for (let beat = 0; beat < 2; beat++) await heartbeat(member);
    expect(topicsOf(member)).toEqual([second.id]);
  });

  it('costs a stable group a query in half a minute', async () => {
    await create('logs-1');
    const member = withPattern('one', 'logs-.*');
    for (let beat = 0; beat < 2; beat++) await heartbeat(member);
    await clock.advance(LOOK_AGE_MAX_MS);
    engine.meter.reset();
    const beats = 60;
    for (let beat = 0; beat < beats; beat++) {
      await clock.advance(HEARTBEAT_MS);
      expect((await heartbeat(member)).errorCode).toBe(0);
    }
    const queries = engine.meter.counts()['state.query'] ?? 0;
    expect(queries).toBeGreaterThan(0);
    expect(queries).toBeLessThanOrEqual((beats * HEARTBEAT_MS) / LIST_AGE_MAX_MS + 1);
  });

  it('costs many joins at the same time one or two queries', async () => {
    await create('logs-1');
    engine.meter.reset();
    const joining = Array.from({ length: 50 }, (_, index) =>
      withPattern(`m-${index}`, 'logs-.*', engine, `g-${index}`),
    );
    const answers = await settled(Promise.all(joining.map((member) => member.heartbeat())));
    expect(answers.map(({ errorCode }: HeartbeatAnswer) => errorCode)).toEqual(joining.map(() => 0));
    expect(joining.map(({ owned }) => owned.length)).toEqual(joining.map(() => 1));
    expect(engine.meter.counts()['state.query']).toBeLessThanOrEqual(2);
  });
});
