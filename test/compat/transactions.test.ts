import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { CLUSTER_NAME, type Cluster, clientOf, startCluster } from '../support/cluster.ts';
import { scaled } from '../support/machine.ts';
import { createTopic } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import {
  ClientError,
  type PreparedClient,
  type Transactor,
  transactionClients,
} from '../support/transaction-clients.ts';
import { until } from '../support/waiting.ts';

/** Fetching jars, or starting Kafka. */
const START_TIMEOUT_MS = scaled(300_000);
const SHORT_TIMEOUT_MS = 3_000;
/** A transaction that is left open is aborted within its time-out and ten seconds, while anybody reads. */
const ABORTED_WITHIN_MS = SHORT_TIMEOUT_MS + 10_000;

// Which of them can be run has to be known before any test is named.
const clients = await transactionClients();

const VERSIONS = [{ transactionVersion: 2 }, { transactionVersion: 1 }] as const;

describe.each(VERSIONS)(`${CLUSTER_NAME} with transaction.version $transactionVersion`, (options) => {
  let cluster: Cluster | undefined;

  beforeAll(async () => {
    cluster = await startCluster(options);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await cluster?.close();
  });

  describe.each(clients)('$name', ({ name, missing, hasOffsets, fenced, prepare }) => {
    const isThere = have(name, missing === undefined, `It cannot be run: ${missing}.`);
    const started: Transactor[] = [];
    let client: PreparedClient | undefined;
    let topics = 0;
    let topic: string;

    beforeAll(async () => {
      if (isThere) client = await prepare();
    }, START_TIMEOUT_MS);

    afterEach(async () => {
      await Promise.all(started.splice(0).map((one) => one.kill()));
    });

    afterAll(async () => {
      await client?.close();
    });

    /** A client in a process of its own. */
    function start(): Transactor {
      const transactor = client!.start(cluster!);
      started.push(transactor);
      return transactor;
    }

    /** The same with a producer. The transactional id is that of the test. */
    async function producing(timeoutMs?: number): Promise<Transactor> {
      const transactor = start();
      await transactor.init(`id-of-${topic}`, timeoutMs);
      return transactor;
    }

    async function newTopic(): Promise<void> {
      topic = `${name.replaceAll(/\W+/g, '-')}-${topics++}`;
      const admin = await clientOf(cluster!);
      await createTopic(admin, topic, { partitions: 2 });
      // Kafka makes the topics of its coordinators when it is asked for one.
      const isMade = async (keyType: number) => {
        const { coordinators } = await admin.ask(ApiKey.FindCoordinator, 4, { keyType, coordinatorKeys: [topic] });
        return coordinators[0]!.errorCode === 0;
      };
      await until(() => isMade(1), 'the transaction coordinator');
      await until(() => isMade(0), 'the group coordinator');
      admin.close();
    }

    it.skipIf(!isThere)('commits and aborts over two partitions', async () => {
      await newTopic();
      const [producer, reader] = [await producing(), start()];
      await producer.begin();
      await producer.send(topic, 0, 'a', 'b');
      await producer.send(topic, 1, 'c');
      expect(await reader.read(topic, 'committed')).toEqual([]);
      expect(await reader.read(topic, 'uncommitted')).toEqual(['0:a', '0:b', '1:c']);
      await producer.commit();
      expect(await reader.read(topic, 'committed')).toEqual(['0:a', '0:b', '1:c']);

      await producer.begin();
      await producer.send(topic, 1, 'aborted');
      await producer.send(topic, 0, 'aborted');
      await producer.abort();
      await producer.begin();
      await producer.send(topic, 1, 'd');
      await producer.commit();
      expect(await reader.read(topic, 'committed')).toEqual(['0:a', '0:b', '1:c', '1:d']);
      expect(await reader.read(topic, 'uncommitted')).toEqual(['0:a', '0:b', '0:aborted', '1:c', '1:aborted', '1:d']);
    });

    it.skipIf(!isThere || !hasOffsets)('commits offsets of a group with the records, or neither', async () => {
      await newTopic();
      const [producer, reader] = [await producing(), start()];
      await producer.begin();
      await producer.send(topic, 0, 'a');
      await producer.offsets('group', topic, 1, 7);
      await producer.commit();
      expect(await reader.committed('group', topic, 1)).toBe(7);
      await producer.begin();
      await producer.offsets('group', topic, 1, 9);
      await producer.send(topic, 0, 'b');
      await producer.abort();
      expect(await reader.committed('group', topic, 1)).toBe(7);
      expect(await reader.read(topic, 'committed')).toEqual(['0:a']);
    });

    it.skipIf(!isThere)('fences the first of two producers with one id', async () => {
      await newTopic();
      const [first, reader] = [await producing(), start()];
      await first.begin();
      await first.send(topic, 0, 'first');
      const second = await producing();
      // What the first one had open is aborted by now.
      expect(await reader.read(topic, 'uncommitted')).toEqual(['0:first']);
      await second.begin();
      await second.send(topic, 0, 'second');
      const error = await first.commit().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ClientError);
      expect((error as ClientError).name).toMatch(fenced);
      await second.commit();
      expect(await reader.read(topic, 'committed')).toEqual(['0:second']);
    });

    it.skipIf(!isThere)('is taken over after kill -9 in the middle of a transaction', async () => {
      await newTopic();
      const [killed, reader] = [await producing(), start()];
      await killed.begin();
      await killed.send(topic, 0, 'committed');
      await killed.commit();
      await killed.begin();
      await killed.send(topic, 0, 'open');
      await killed.send(topic, 1, 'open');
      await killed.kill();
      expect(await reader.read(topic, 'committed')).toEqual(['0:committed']);
      const successor = await producing();
      await successor.begin();
      await successor.send(topic, 1, 'after');
      await successor.commit();
      expect(await reader.read(topic, 'committed')).toEqual(['0:committed', '1:after']);
    });

    it.skipIf(!isThere)('holds readers back for its time-out if it is killed and nobody takes over', async () => {
      await newTopic();
      const [killed, reader] = [await producing(SHORT_TIMEOUT_MS), start()];
      await killed.begin();
      await killed.send(topic, 0, 'open');
      await killed.kill();
      const other = start();
      await other.init(`other-id-of-${topic}`);
      await other.begin();
      await other.send(topic, 0, 'behind');
      await other.commit();
      expect(await reader.read(topic, 'committed')).toEqual([]);
      const isRead = async () => (await reader.read(topic, 'committed')).length > 0;
      await until(isRead, 'the end of the transaction', { withinMs: ABORTED_WITHIN_MS, everyMs: 200 });
      expect(await reader.read(topic, 'committed')).toEqual(['0:behind']);
    });
  });
});
