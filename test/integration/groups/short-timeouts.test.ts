import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { NEXT_REQUEST_MIN_MS } from '../../../lib/groups/next-request.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ConsumerProtocolSubscription, encodeConsumerProtocol } from '../../../lib/wire/messages/consumer-protocol.ts';
import { ConsumerMember } from '../../support/consumer-member.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { GroupMember } from '../../support/group-member.ts';
import { createTopic } from '../../support/requests.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Kafka 4.3.1 answers each of these joins with NONE; members that then miss their deadline are removed. */
const TIMEOUTS_MS = [0, 1, -1];

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;

beforeEach(async () => {
  clock = new VirtualClock();
  stores = memoryStores({ clock, random: systemRandom });
  engine = await startEngine({ stores, clock, settings: { 'group.initial.rebalance.delay.ms': '0' } });
});

const settled = <T>(promise: Promise<T>) => settledOn(clock, promise);

/** Joins twice, as new members do from version 4 on. */
async function join(member: GroupMember) {
  const first = await settled(member.joinOnce());
  return first.errorCode === errorCode('MEMBER_ID_REQUIRED') ? settled(member.joinOnce()) : first;
}

describe.each(TIMEOUTS_MS)('a rebalance time-out of %i ms', (rebalanceTimeoutMs) => {
  const newMember = (options = {}) => new GroupMember(engine.client, 'g', { rebalanceTimeoutMs, ...options });

  it('lets a member join, sync, and join again', async () => {
    const member = newMember();
    expect(await join(member)).toMatchObject({ errorCode: 0, generationId: 1 });
    expect(await settled(member.sync({ [member.memberId]: 'all' }))).toMatchObject({ errorCode: 0 });
    expect(await settled(member.heartbeat())).toBe(0);
    expect(await settled(member.joinOnce())).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(await settled(member.sync({ [member.memberId]: 'all' }))).toMatchObject({ errorCode: 0 });
  });

  it('lets two members join at two processes', async () => {
    const other = await startEngine({ stores, clock, settings: { 'group.initial.rebalance.delay.ms': '300' } });
    const members = [other, other, engine].map(({ client }) => new GroupMember(client, 'two', { rebalanceTimeoutMs }));
    await settled(Promise.all(members.map((member) => member.joinOnce())));
    const joined = await settled(Promise.all(members.map((member) => member.joinOnce())));
    expect(joined).toMatchObject(members.map(() => ({ errorCode: 0, generationId: 1 })));
    const leader = joined[0]!.leader;
    const synced = members.map((member) => member.sync(member.memberId === leader ? { [leader]: 'all' } : {}));
    expect(await settled(Promise.all(synced))).toMatchObject(members.map(() => ({ errorCode: 0 })));
  });

  it('removes a member that does not sync', async () => {
    const member = newMember();
    await join(member);
    await clock.advance(NEXT_REQUEST_MIN_MS);
    const synced = await settled(member.sync({ [member.memberId]: 'all' }));
    expect(synced.errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'));
  });

  it('lets a classic member join a consumer group and sync', async () => {
    await settled(createTopic(engine.client, 'orders', { partitions: 2 }));
    await settled(new ConsumerMember(engine.client, 'g', 'first', ['orders']).heartbeat());
    const metadata = encodeConsumerProtocol(ConsumerProtocolSubscription, 1, { topics: ['orders'], userData: null });
    const member = newMember({ protocols: [{ name: 'range', metadata }] });
    expect(await join(member)).toMatchObject({ errorCode: 0 });
    expect(await settled(member.sync({}))).toMatchObject({ errorCode: 0 });
  });
});
