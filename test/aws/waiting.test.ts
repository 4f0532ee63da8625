import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type LocalGateway, openGateway } from '../../localstack/index.ts';
import { describeGroup, GroupMember } from '../support/group-member.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { batchOf, createTopic, fetchRequest, produce, type TopicName } from '../support/requests.ts';
import { until } from '../support/waiting.ts';

const deployed = inject('deployed');
const CONSUMERS = 60;
const JOINS = 60;
const HEARTBEATS = 10;
const WAIT_MS = 60_000;
/** An answer that no first call is in front of; ms. */
const CALM_MS = 500;
const PATIENT = { sessionTimeoutMs: WAIT_MS, rebalanceTimeoutMs: WAIT_MS };

describe.skipIf(deployed === undefined)(`${CONSUMERS} consumers and ${JOINS} joins that wait, by invokes`, () => {
  let gateway: LocalGateway;
  let topic: TopicName;
  const clients: TcpClient[] = [];

  const connect = async (): Promise<TcpClient> => {
    const [host, port] = gateway.bootstrapServers.split(':');
    const client = await TcpClient.connect({ host: host!, port: Number(port) });
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    gateway = await openGateway(deployed!, { by: 'lambda' });
    topic = await createTopic(await connect(), 'awaited');
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await gateway?.close();
  });

  it(
    'hold up no heartbeat, and all get what they waited for',
    async () => {
      // A heartbeat that the tunnel has not seen before goes to the function.
      const members: GroupMember[] = [];
      for (let index = 0; index < HEARTBEATS; index++) {
        const member = new GroupMember(await connect(), `calm-${index}`, PATIENT);
        await member.enter();
        members.push(member);
      }
      // As long as its first member does not join again, the others wait.
      const first = new GroupMember(await connect(), 'crowd', PATIENT);
      await first.enter();

      const fetches: Promise<number>[] = [];
      for (let index = 0; index < CONSUMERS; index++) {
        const reading = (await connect()).ask(ApiKey.Fetch, 12, fetchRequest(topic, { maxWaitMs: WAIT_MS }));
        fetches.push(reading.then(({ responses }) => responses[0]!.partitions[0]!.highWatermark));
      }
      const joins: Promise<{ errorCode: number; generationId: number }>[] = [];
      for (let index = 0; index < JOINS; index++) {
        joins.push(new GroupMember(await connect(), 'crowd', PATIENT).join());
      }
      const [read, joined] = [Promise.all(fetches), Promise.all(joins)];
      // Where an expectation fails before these are awaited, the connections close under them.
      for (const awaited of [read, joined]) awaited.catch(() => {});
      // Each is asked for once by itself, one after the other where an endpoint runs one call at a time.
      const observer = await connect();
      await until(async () => {
        const startedAt = performance.now();
        const { members } = await describeGroup(observer, 'crowd');
        return members.length === JOINS + 1 && performance.now() - startedAt < CALM_MS;
      });
      expect(await first.heartbeat()).toBe(REBALANCE_IN_PROGRESS);

      const times: number[] = [];
      for (const member of members) {
        const startedAt = performance.now();
        expect(await member.heartbeat()).toBe(0);
        times.push(Math.round(performance.now() - startedAt));
      }
      process.stderr.write(
        `${CONSUMERS} consumers and ${JOINS} joins wait by invokes: heartbeats took ${times.join(', ')} ms\n`,
      );
      expect(Math.max(...times)).toBeLessThan(scaled(1_000));

      await produce(clients[0]!, topic, batchOf(['for all']));
      expect(await read).toEqual(Array.from({ length: CONSUMERS }, () => 1));
      expect((await first.joinOnce()).errorCode).toBe(0);
      const answers = await joined;
      expect(new Set(answers.map(({ errorCode }) => errorCode))).toEqual(new Set([0]));
      expect(new Set(answers.map(({ generationId }) => generationId)).size).toBe(1);
    },
    scaled(180_000),
  );
});

const REBALANCE_IN_PROGRESS = 27;
