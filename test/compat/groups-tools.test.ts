import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  encodeConsumerProtocol,
} from '../../lib/wire/messages/consumer-protocol.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { GroupMember } from '../support/group-member.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { commitOffsets, fetchOffsets, offsetsIn } from '../support/offset-requests.ts';
import { batchOf, createTopic, produce, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';

/** A first run fetches some hundred jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const RECORDS = 20;
const T0 = Date.parse('2026-01-01T00:00:00Z');

const missing = mavenMissing();
const HAVE_TOOLS = have(
  "Kafka's own tools for groups",
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run them.`,
);

describe.skipIf(!HAVE_TOOLS)("Kafka's own tools for groups", () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: TcpClient;
  let tools: KafkaTools;
  let orders: TopicName;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = await TcpClient.connect(broker);
    tools = await KafkaTools.of(broker);
    orders = await createTopic(client, 'orders', { partitions: 2 });
    const values = Array.from({ length: RECORDS }, (_, i) => `v${i}`);
    for (const [i, value] of values.entries()) {
      await produce(client, orders, batchOf([value], { timestamp: T0 + i * 60_000 }), { partition: 1 });
    }
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    tools.close();
    client.close();
    await broker.stop();
    folder.remove();
  });

  const groups = (...args: string[]) => tools.output('kafka-consumer-groups', args);
  const refused = async (...args: string[]) => {
    const { out, err } = await tools.run('kafka-consumer-groups', args);
    return `${out}\n${err}`;
  };
  /** The cells of a tool's table, without its headings. */
  const rows = (text: string) =>
    text
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([first]) => first !== '' && first !== 'GROUP');
  const consume = (...args: string[]) =>
    tools.output('kafka-console-consumer', ['--topic', 'orders', '--timeout-ms', '8000', ...args]);

  describe('kafka-console-consumer --group', () => {
    it.each(['classic', 'consumer'])(
      'reads in a group of the %s protocol, commits, and goes on there',
      async (protocol) => {
        const group = `console-${protocol}`;
        const member = ['--group', group, '--command-property', `group.protocol=${protocol}`];
        const first = await consume(...member, '--from-beginning', '--max-messages', '12');
        expect(first.trim().split('\n')).toEqual(Array.from({ length: 12 }, (_, i) => `v${i}`));
        const second = await consume(...member, '--max-messages', '8');
        expect(second.trim().split('\n')).toEqual(Array.from({ length: 8 }, (_, i) => `v${12 + i}`));
        const standing = rows(await groups('--describe', '--group', group)).find(
          ([, , partition]) => partition === '1',
        );
        expect(standing?.slice(0, 6)).toEqual([group, 'orders', '1', String(RECORDS), String(RECORDS), '0']);
      },
    );
  });

  describe('kafka-consumer-groups', () => {
    it('lists groups with their states', async () => {
      await commitOffsets(client, 'listed', orders, { 0: 0 });
      expect((await groups('--list')).split('\n')).toContain('listed');
      expect(rows(await groups('--list', '--state'))).toContainEqual(['listed', 'Empty']);
    });

    it('has kafka-topics show the topic that groups are kept in elsewhere, and kafka-get-offsets find it empty', async () => {
      await commitOffsets(client, 'listed', orders, { 0: 0 });
      const topics = async (...args: string[]) => (await tools.output('kafka-topics', args)).split('\n');
      expect(await topics('--list')).toContain('__consumer_offsets');
      expect(await topics('--list', '--exclude-internal')).not.toContain('__consumer_offsets');
      const [head] = await topics('--describe', '--topic', '__consumer_offsets');
      expect(head).toMatch(/PartitionCount: 50\t.*cleanup.policy=compact/);
      const ends = await tools.output('kafka-get-offsets', ['--topic', '__consumer_offsets']);
      expect(ends.trim().split('\n').sort()[0]).toBe('__consumer_offsets:0:0');
      expect(ends.trim().split('\n')).toHaveLength(50);
    });

    it('describes members, state and lag of a group that is in use', async () => {
      const metadata = encodeConsumerProtocol(ConsumerProtocolSubscription, 1, {
        topics: ['orders'],
        ownedPartitions: [],
      });
      const member = new GroupMember(client, 'in-use', { protocols: [{ name: 'range', metadata }] });
      await member.join();
      const assigned = { assignedPartitions: [{ topic: 'orders', partitions: [1] }], userData: Buffer.alloc(0) };
      const assignment = encodeConsumerProtocol(ConsumerProtocolAssignment, 0, assigned);
      await member.sync({ [member.memberId]: assignment.toString('latin1') });
      const by = { memberId: member.memberId, generation: member.generation };
      expect(await commitOffsets(client, 'in-use', orders, { 1: 5 }, { by })).toEqual([0]);

      expect(rows(await groups('--describe', '--group', 'in-use', '--state'))[0]).toEqual(
        expect.arrayContaining(['in-use', 'range', 'Stable', '1']),
      );
      const [shown] = rows(await groups('--describe', '--group', 'in-use', '--members', '--verbose'));
      expect(shown).toEqual(expect.arrayContaining(['in-use', member.memberId]));
      const reset = await refused(
        '--reset-offsets',
        '--group',
        'in-use',
        '--topic',
        'orders',
        '--to-earliest',
        '--execute',
      );
      expect(reset).toContain('inactive, but the current state is Stable');
      expect(await refused('--delete', '--group', 'in-use')).toContain('GroupNotEmptyException');
      expect(await refused('--delete-offsets', '--group', 'in-use', '--topic', 'orders')).toContain(
        'GroupSubscribedToTopicException',
      );
      await member.leave();
    });

    it.each([
      ['--to-earliest', 0],
      ['--to-latest', RECORDS],
      ['--to-current', 7],
      ['--to-offset 3', 3],
      ['--to-offset 99', RECORDS],
      ['--shift-by 5', 12],
      ['--shift-by -5', 2],
      [`--to-datetime ${new Date(T0 + 150_000).toISOString().replace('Z', '')}`, 3],
      ['--by-duration P10000D', 0],
    ])('resets offsets %s', async (target, expected) => {
      await commitOffsets(client, 'resetting', orders, { 1: 7 });
      const args = ['--reset-offsets', '--group', 'resetting', '--topic', 'orders:1', ...target.split(' ')];
      expect(rows(await groups(...args, '--execute'))).toEqual([['resetting', 'orders', '1', String(expected)]]);
      expect(offsetsIn(await fetchOffsets(client, 'resetting', orders, [1]))).toEqual([expected]);
    });

    it('only shows what it would reset when asked to', async () => {
      await commitOffsets(client, 'dry', orders, { 1: 7 });
      const args = ['--reset-offsets', '--group', 'dry', '--all-topics', '--to-earliest', '--dry-run'];
      expect(rows(await groups(...args))).toEqual([['dry', 'orders', '1', '0']]);
      expect(offsetsIn(await fetchOffsets(client, 'dry', orders, [1]))).toEqual([7]);
    });

    it('resets offsets from the file that it exports', async () => {
      await commitOffsets(client, 'exported', orders, { 0: 0, 1: 9 });
      const csv = await groups('--reset-offsets', '--group', 'exported', '--all-topics', '--to-current', '--export');
      const path = join(tmpdir(), `tidelog-kafka-offsets-${process.pid}.csv`);
      try {
        writeFileSync(path, csv);
        await groups('--reset-offsets', '--group', 'imported', '--from-file', path, '--execute');
        const standing = rows(await groups('--describe', '--group', 'imported')).map((row) => row.slice(1, 4));
        expect(standing.sort()).toEqual([
          ['orders', '0', '0'],
          ['orders', '1', '9'],
        ]);
      } finally {
        rmSync(path, { force: true });
      }
    });

    it('deletes offsets and groups', async () => {
      await commitOffsets(client, 'going', orders, { 0: 0, 1: 9 });
      await groups('--delete-offsets', '--group', 'going', '--topic', 'orders:1');
      expect(rows(await groups('--describe', '--group', 'going')).map((row) => row[2])).toEqual(['0']);
      expect(await groups('--delete', '--group', 'going')).toContain('was successful');
      expect((await groups('--list')).split('\n')).not.toContain('going');
    });
  });
});
