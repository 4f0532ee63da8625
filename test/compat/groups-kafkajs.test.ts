import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Admin, Kafka } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PARTITIONS = 6;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const SESSION_MS = 6_000;
/** A rebalance that nobody delays: a heartbeat of the others, then a join and a sync. */
const AT_ONCE_MS = scaled(3_000);

interface Line {
  readonly event: 'assigned' | 'record' | 'crash';
  readonly partitions: readonly number[];
  readonly value: string;
}

/** A consumer in a process of its own, with all that it has said. */
class Member {
  readonly #child: ChildProcess;
  readonly lines: Line[] = [];

  constructor(bootstrap: string, topic: string, groupId: string) {
    const command = [...programArguments('test/support/kafkajs-member.ts'), bootstrap, topic, groupId];
    this.#child = spawn(process.execPath, command, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
  }

  get partitions(): readonly number[] {
    const last = this.lines.findLast(({ event }) => event === 'assigned');
    return [...(last?.partitions ?? [])].sort((a, b) => a - b);
  }

  get values(): string[] {
    return this.lines.filter(({ event }) => event === 'record').map(({ value }) => value);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}

describe('kafkajs in a group', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let kafka: Kafka;
  let admin: Admin;
  let members: Member[] = [];
  let produced = 0;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    kafka = kafkajsClient(broker);
    admin = kafka.admin();
    await admin.connect();
  });

  afterEach(async () => {
    await Promise.all(members.map((member) => member.end('SIGKILL')));
    members = [];
  });

  afterAll(async () => {
    await admin.disconnect();
    await broker.stop();
    folder.remove();
  });

  function start(topic: string, groupId: string): Member {
    const member = new Member(broker.bootstrap, topic, groupId);
    members.push(member);
    return member;
  }

  async function newTopic(topic: string): Promise<void> {
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] });
  }

  /** Writes some records to each partition; their values. */
  async function produce(topic: string, perPartition: number): Promise<string[]> {
    const producer = kafka.producer();
    await producer.connect();
    const messages = ALL.flatMap((partition) =>
      Array.from({ length: perPartition }, () => ({ partition, value: `value ${produced++}` })),
    );
    await producer.send({ topic, messages });
    await producer.disconnect();
    return messages.map(({ value }) => value);
  }

  const shareAll = (...sharing: Member[]) => {
    expect(sharing.flatMap(({ partitions }) => partitions).sort((a, b) => a - b)).toEqual(ALL);
    for (const { partitions } of sharing) expect(partitions).toHaveLength(PARTITIONS / sharing.length);
  };

  it('shares the partitions among two, and goes on when one is killed', async () => {
    await newTopic('killed');
    const [stays, dies] = [start('killed', 'g-killed'), start('killed', 'g-killed')];
    await expect.poll(() => shareAll(stays, dies), { timeout: scaled(20_000) }).toBeUndefined();
    const first = await produce('killed', 50);
    const seen = () => new Set([...stays.values, ...dies.values]).size;
    await expect.poll(seen, { timeout: scaled(10_000) }).toBe(first.length);
    // Each record came once: nobody has read another's partition.
    expect(stays.values.length + dies.values.length).toBe(first.length);
    // Positions are committed twice a second.
    const committed = async () => {
      const topics = await admin.fetchOffsets({ groupId: 'g-killed', topics: ['killed'] });
      return topics.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)));
    };
    await expect.poll(committed, { timeout: scaled(20_000) }).toEqual(ALL.map(() => first.length / PARTITIONS));

    const killedAt = performance.now();
    await dies.end('SIGKILL');
    await expect.poll(() => stays.partitions, { timeout: SESSION_MS + 10_000 }).toEqual(ALL);
    const tookMs = performance.now() - killedAt;
    expect(tookMs).toBeGreaterThan((SESSION_MS * 2) / 3 - 1_000);
    expect(tookMs).toBeLessThan(SESSION_MS + AT_ONCE_MS);

    const second = await produce('killed', 20);
    await expect
      .poll(() => second.every((value) => stays.values.includes(value)), { timeout: scaled(10_000) })
      .toBe(true);
    // It goes on where the killed one had committed.
    expect(stays.values.length + dies.values.length).toBe(first.length + second.length);
    expect(stays.lines.filter(({ event }) => event === 'crash')).toEqual([]);
  });

  it('hands over at once when one leaves', async () => {
    await newTopic('left');
    const [stays, leaves] = [start('left', 'g-left'), start('left', 'g-left')];
    await expect.poll(() => shareAll(stays, leaves), { timeout: scaled(20_000) }).toBeUndefined();
    await produce('left', 10);
    await leaves.end('SIGTERM');
    const leftAt = performance.now();
    await expect.poll(() => stays.partitions, { timeout: scaled(10_000) }).toEqual(ALL);
    expect(performance.now() - leftAt).toBeLessThan(AT_ONCE_MS);
    await stays.end('SIGTERM');
    const { groups } = await admin.describeGroups(['g-left']);
    expect(groups).toMatchObject([{ errorCode: 0, state: 'Empty', protocolType: 'consumer', members: [] }]);
    expect((await admin.listGroups()).groups).toContainEqual({ groupId: 'g-left', protocolType: 'consumer' });
    await admin.deleteGroups(['g-left']);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('g-left');
  });
});
