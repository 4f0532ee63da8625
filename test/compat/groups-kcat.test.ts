import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { describeGroup } from '../support/group-member.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { kcat } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { createTopic } from '../support/requests.ts';
import { haveKcat } from '../support/tools.ts';

const PARTITIONS = 4;
const RECORDS = 200;
const SESSION_MS = 6_000;

/** `kcat -G`: a consumer of a group by librdkafka, until it is ended or, with -e, has read everything. */
class KcatMember {
  readonly #child: ChildProcess;
  /** 'partition value' of each record. */
  readonly records: string[] = [];
  /** Everything else that it has said. */
  said = '';

  constructor(broker: BrokerProcess, groupId: string, topic: string, more: readonly string[] = []) {
    const session = ['-X', `session.timeout.ms=${SESSION_MS}`, '-X', 'heartbeat.interval.ms=500'];
    const commits = ['-X', 'auto.offset.reset=earliest', '-X', 'auto.commit.interval.ms=300'];
    // The group and its topics come last: kcat takes all that follows for topics.
    const args = [
      '-b',
      broker.bootstrap,
      '-u',
      '-f',
      '%p %s\\n',
      ...session,
      ...commits,
      ...more,
      '-G',
      groupId,
      topic,
    ];
    this.#child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.records.push(line));
    this.#child.stderr!.on('data', (chunk) => {
      this.said += chunk;
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}

describe.skipIf(!haveKcat())('kcat -G', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: TcpClient;
  let members: KcatMember[] = [];

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = await TcpClient.connect(broker);
  });

  afterEach(async () => {
    await Promise.all(members.map((member) => member.end('SIGKILL')));
    members = [];
  });

  afterAll(async () => {
    client.close();
    await broker.stop();
    folder.remove();
  });

  function start(groupId: string, topic: string, more: readonly string[] = []): KcatMember {
    const member = new KcatMember(broker, groupId, topic, more);
    members.push(member);
    return member;
  }

  async function write(topic: string, prefix: string): Promise<string[]> {
    const values = Array.from({ length: RECORDS }, (_, index) => `${prefix}-${index}`);
    // Left to itself librdkafka puts what comes at once into one partition.
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const part = values.filter((_, index) => index % PARTITIONS === partition);
      await kcat(broker, ['-P', '-t', topic, '-p', String(partition)], { stdin: `${part.join('\n')}\n` });
    }
    return values;
  }

  const valuesOf = (...sharing: KcatMember[]) =>
    sharing.flatMap(({ records }) => records.map((record) => record.split(' ')[1]!)).sort();

  it.each(['range', 'roundrobin', 'cooperative-sticky'])(
    'shares a topic among two, and hands it over: %s',
    async (strategy) => {
      const topic = `shared-${strategy}`;
      await createTopic(client, topic, { partitions: PARTITIONS });
      const assignor = ['-X', `partition.assignment.strategy=${strategy}`];
      const [stays, leaves] = [start(`g-${topic}`, topic, assignor), start(`g-${topic}`, topic, assignor)];
      const stable = async () => {
        const { groupState, members: there } = await describeGroup(client, `g-${topic}`);
        return `${groupState} ${there.length}`;
      };
      await expect.poll(stable, { timeout: scaled(20_000) }).toBe('Stable 2');
      const first = await write(topic, 'first');
      await expect.poll(() => valuesOf(stays, leaves).length, { timeout: scaled(15_000) }).toBe(RECORDS);
      expect(valuesOf(stays, leaves)).toEqual([...first].sort());
      expect(stays.records.length > 0 && leaves.records.length > 0).toBe(true);

      const leftAt = performance.now();
      await leaves.end('SIGTERM');
      await expect.poll(stable, { timeout: scaled(10_000) }).toBe('Stable 1');
      expect(performance.now() - leftAt).toBeLessThan(SESSION_MS);
      const second = await write(topic, 'second');
      await expect.poll(() => valuesOf(stays, leaves).length, { timeout: scaled(15_000) }).toBe(2 * RECORDS);
      expect(valuesOf(stays, leaves)).toEqual([...first, ...second].sort());
      expect(members.map(({ said }) => said).join('')).not.toMatch(/ERROR|%[0-3]\|/);
    },
  );

  it('takes over the partitions of one that was killed, once its session is over', async () => {
    await createTopic(client, 'killed', { partitions: PARTITIONS });
    const [stays, dies] = [start('g-killed', 'killed'), start('g-killed', 'killed')];
    const count = async () => (await describeGroup(client, 'g-killed')).members.length;
    await expect.poll(count, { timeout: scaled(20_000) }).toBe(2);
    await dies.end('SIGKILL');
    await expect.poll(count, { timeout: SESSION_MS + 5_000 }).toBe(1);
    const values = await write('killed', 'after');
    await expect.poll(() => valuesOf(stays), { timeout: scaled(20_000) }).toEqual([...values].sort());
  });

  it('goes on where the group was when it comes back', async () => {
    await createTopic(client, 'again', { partitions: PARTITIONS });
    const first = await write('again', 'first');
    const reader = start('g-again', 'again', ['-e']);
    await expect.poll(() => reader.running, { timeout: scaled(20_000) }).toBe(false);
    expect(valuesOf(reader)).toEqual([...first].sort());
    const second = await write('again', 'second');
    const twice = start('g-again', 'again', ['-e']);
    await expect.poll(() => twice.running, { timeout: scaled(20_000) }).toBe(false);
    expect(valuesOf(twice)).toEqual([...second].sort());
    const { groups } = await client.ask(ApiKey.ListGroups, 5, { statesFilter: ['empty'], typesFilter: ['classic'] });
    expect(groups).toContainEqual({
      groupId: 'g-again',
      protocolType: 'consumer',
      groupState: 'Empty',
      groupType: 'classic',
    });
  });

  it('keeps the place of a static member that comes back within its session', async () => {
    await createTopic(client, 'static', { partitions: PARTITIONS });
    const withId = ['-X', 'group.instance.id=one'];
    const first = start('g-static', 'static', withId);
    const describeIt = () => describeGroup(client, 'g-static');
    await expect.poll(async () => (await describeIt()).groupState, { timeout: scaled(20_000) }).toBe('Stable');
    const before = (await describeIt()).members[0]!;
    await first.end('SIGKILL');
    const again = start('g-static', 'static', withId);
    const replaced = async () => (await describeIt()).members[0]!.memberId !== before.memberId;
    await expect.poll(replaced, { timeout: SESSION_MS }).toBe(true);
    const after = await describeIt();
    expect(after).toMatchObject({ members: [{ groupInstanceId: 'one', memberAssignment: before.memberAssignment }] });
    const values = await write('static', 'for-static');
    await expect.poll(() => valuesOf(again), { timeout: scaled(15_000) }).toEqual([...values].sort());
  });
});
