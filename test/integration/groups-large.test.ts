import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { errorCode } from '../../lib/core/errors.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import { itemBytes } from '../../lib/storage/item-rules.ts';
import { groupPk } from '../../lib/storage/items/group-keys.ts';
import { MAX_ITEM_BYTES, type Stores } from '../../lib/storage/ports.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  encodeConsumerProtocol,
} from '../../lib/wire/messages/consumer-protocol.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { describeGroup, GroupMember, offer } from '../support/group-member.ts';
import { scaled } from '../support/machine.ts';

const PARTITIONS = 500;
const MEMBERS = 200;
const MANY_MEMBERS = 1_000;
const REBALANCED_WITHIN_MS = 10_000;
const HEARTBEAT_MS = 500;
const TOPIC = 'a-topic-with-an-ordinary-name';

/** What an ordinary consumer tells of itself. */
function subscription(owned: readonly number[], generationId: number): Buffer {
  const ownedPartitions = owned.length === 0 ? [] : [{ topic: TOPIC, partitions: [...owned] }];
  return encodeConsumerProtocol(ConsumerProtocolSubscription, 3, { topics: [TOPIC], ownedPartitions, generationId });
}

/** Shares the partitions out as a leader does. */
function shareOut(memberIds: readonly string[]): Map<string, Buffer> {
  if (memberIds.length === 0) return new Map();
  const shares = memberIds.map((): number[] => []);
  for (let partition = 0; partition < PARTITIONS; partition++) shares[partition % shares.length]!.push(partition);
  const encode = (partitions: number[]) =>
    encodeConsumerProtocol(ConsumerProtocolAssignment, 3, {
      assignedPartitions: [{ topic: TOPIC, partitions }],
      userData: null,
    });
  return new Map(memberIds.map((memberId, i) => [memberId, encode(shares[i]!)]));
}

/** A consumer that does what clients do until it is told to stop. */
class Consumer extends GroupMember {
  stable = -1;
  isOver = false;

  async run(): Promise<void> {
    while (!this.isOver) {
      this.stable = -1;
      const joined = await this.join();
      const shares = shareOut(joined.members.map(({ memberId }) => memberId));
      const synced = joined.errorCode === 0 ? await this.syncWith(shares) : undefined;
      if (synced?.errorCode !== 0) continue;
      this.stable = joined.generationId;
      while (!this.isOver && (await this.heartbeat()) === 0) await wait(HEARTBEAT_MS);
    }
  }
}

function newConsumer(engine: Engine, groupId: string): Consumer {
  const protocols = [{ name: 'range', metadata: subscription([], -1) }];
  return new Consumer(engine.client, groupId, { protocols, sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 300_000 });
}

describe('a large group on the embedded store', () => {
  const folder = temporaryFolder();
  let stores: Stores;
  let engine: Engine;

  beforeAll(async () => {
    stores = await openEmbeddedStores({ path: folder.path, clock: systemClock, random: systemRandom });
    engine = await startEngine({ stores });
  });

  afterAll(async () => {
    await engine.close();
    await stores.close();
    folder.remove();
  });

  it(
    `of ${MEMBERS} members shares ${PARTITIONS} partitions out within ${REBALANCED_WITHIN_MS / 1_000} s`,
    async () => {
      const consumers = Array.from({ length: MEMBERS }, () => newConsumer(engine, 'large'));
      const running: Promise<void>[] = [];
      const measure = async (what: string, change: () => Promise<unknown> | undefined) => {
        const before = Math.max(...consumers.map(({ stable }) => stable));
        engine.meter.reset();
        const began = performance.now();
        await change();
        const live = () => consumers.filter(({ isOver }) => !isOver);
        const isDone = () => new Set(live().map(({ stable }) => stable)).size === 1 && live()[0]!.stable > before;
        while (!isDone() && performance.now() - began < 3 * scaled(REBALANCED_WITHIN_MS)) await wait(10);
        const tookMs = Math.round(performance.now() - began);
        const { 'state.put': puts, 'state.get': gets } = engine.meter.counts();
        process.stdout.write(`${what}: ${tookMs} ms, ${puts} puts, ${gets} gets\n`);
        expect(isDone()).toBe(true);
        expect(tookMs).toBeLessThan(scaled(REBALANCED_WITHIN_MS));
      };
      await measure(`${MEMBERS} members join`, () => {
        running.push(...consumers.map((consumer) => consumer.run()));
        return undefined;
      });
      await measure('one more joins', () => {
        const late = newConsumer(engine, 'large');
        consumers.push(late);
        running.push(late.run());
        return undefined;
      });
      await measure('one leaves', () => {
        consumers[7]!.isOver = true;
        return consumers[7]!.leave();
      });
      const described = await describeGroup(engine.client, 'large');
      expect(described).toMatchObject({ groupState: 'Stable', members: { length: MEMBERS } });
      for (const consumer of consumers) consumer.isOver = true;
      await Promise.all(running);
    },
    scaled(120_000),
  );
});

describe('the items of a large group', () => {
  const stores = emptyStores();
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ stores, settings: { 'group.initial.rebalance.delay.ms': '1000' } });
  });

  const itemsOf = (groupId: string) => stores.contents().state.filter(({ pk }) => pk === groupPk(groupId));

  it(
    `hold ${MANY_MEMBERS} ordinary members`,
    async () => {
      const protocols = ['range', 'cooperative-sticky'].map((name) => ({
        name,
        metadata: subscription([1, 501, 77], 12),
      }));
      const options = { protocols, sessionTimeoutMs: 45_000 };
      const members = Array.from({ length: MANY_MEMBERS }, () => new GroupMember(engine.client, 'many', options));
      await Promise.all(members.map((member) => member.joinOnce()));
      const pendingBytes = Math.max(...itemsOf('many').map(itemBytes));
      const joined = await Promise.all(members.map((member) => member.joinOnce()));
      const leader = members[joined.findIndex((one) => one.leader === one.memberId)]!;
      const assignments = shareOut(members.map(({ memberId }) => memberId));
      const synced = await Promise.all(
        members.map((member) => (member === leader ? member.syncWith(assignments) : member.sync())),
      );
      for (const [i, { errorCode: code, assignment }] of synced.entries()) {
        expect([code, assignment]).toEqual([0, assignments.get(members[i]!.memberId)]);
      }
      const items = itemsOf('many').map((item) => ({ sk: item.sk.split('-')[0], bytes: itemBytes(item) }));
      process.stdout.write(`${MANY_MEMBERS} members: ${JSON.stringify(items)}, ids given out: ${pendingBytes} bytes\n`);
      expect(items).toHaveLength(2);
      for (const { bytes } of items) expect(bytes).toBeLessThan(MAX_ITEM_BYTES);
      expect(items.find(({ sk }) => sk === 'group')!.bytes).toBeLessThan(4_096);
      expect(pendingBytes).toBeLessThan(MAX_ITEM_BYTES);
      // Another process reads what this one wrote.
      const other = await startEngine({ stores });
      expect(await describeGroup(other.client, 'many')).toMatchObject({
        groupState: 'Stable',
        members: { length: MANY_MEMBERS },
      });
    },
    scaled(60_000),
  );

  it('refuse a member whose metadata no item can hold, and stay as they are', async () => {
    const member = new GroupMember(engine.client, 'heavy');
    await member.enter();
    const noise = systemRandom.bytes(400_000);
    const heavy = new GroupMember(engine.client, 'heavy', { protocols: [{ name: 'range', metadata: noise }] });
    expect(await heavy.join()).toMatchObject({ errorCode: errorCode('GROUP_MAX_SIZE_REACHED'), memberId: '' });
    expect(engine.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', event: 'group_too_large', groupId: 'heavy' }),
    );
    expect(await member.heartbeat()).toBe(0);
  });

  it('refuse members one by one where the group is full, not those that came with them', async () => {
    const noisy = () => ({ protocols: [{ name: 'range', metadata: systemRandom.bytes(90_000) }] });
    const members = Array.from({ length: 7 }, () => new GroupMember(engine.client, 'full', noisy()));
    const codes = (await Promise.all(members.map((member) => member.join()))).map((joined) => joined.errorCode);
    // Four times 90 KB of noise fit into 390 KB.
    expect(codes.filter((code) => code === 0)).toHaveLength(4);
    expect(codes.filter((code) => code === errorCode('GROUP_MAX_SIZE_REACHED'))).toHaveLength(3);
  });

  it('refuse an assignment that they cannot hold', async () => {
    const member = new GroupMember(engine.client, 'assigned', { protocols: [offer('range')] });
    await member.join();
    const tooMuch = new Map([[member.memberId, systemRandom.bytes(400_000)]]);
    expect(await member.syncWith(tooMuch)).toMatchObject({ errorCode: errorCode('UNKNOWN_SERVER_ERROR') });
    expect(await member.sync({ [member.memberId]: 'less' })).toMatchObject({ errorCode: 0 });
  });
});
