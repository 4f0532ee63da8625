import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOf } from '../integration/cli/cli-run.ts';
import { type BrokerAddress, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { dumpLog } from '../support/dump-log.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';

/** A first run fetches some hundred jars; then a broker starts. */
const KAFKA_TIMEOUT_MS = scaled(300_000);
const ROUNDS = 24;
/** Rounds of each producer that end with an abort. */
const ABORTED = { a: ROUNDS / 2, b: ROUNDS / 3 };

const missing = mavenMissing();
const HAVE_KAFKA = have('Kafka itself', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

interface Server extends BrokerAddress {
  stop(): Promise<unknown>;
}

const SERVERS: Readonly<Record<string, (folder: string) => Promise<Server>>> = {
  Tidelog: (folder) => startBrokerProcess(join(folder, 'data')),
  'Apache Kafka': (folder) => KafkaBroker.start({ 'log.dirs': join(folder, 'data') }),
};

/** Two producers whose transactions overlap, records of nobody's between them, and one that is open at the end. */
async function fill(server: BrokerAddress): Promise<void> {
  const kafka = kafkajsClient(server);
  const producers = await Promise.all(
    ['a', 'b', 'left'].map(async (transactionalId) => {
      const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      return producer;
    }),
  );
  const [a, b, left] = producers as [(typeof producers)[0], (typeof producers)[0], (typeof producers)[0]];
  const plain = kafka.producer();
  await plain.connect();
  const send = (to: Pick<typeof plain, 'send'>, value: string) =>
    to.send({ topic: 'torn', messages: [{ value: value.repeat(100) }] });
  for (let round = 0; round < ROUNDS; round++) {
    const one = await a.transaction();
    await send(one, `a${round}`);
    const two = await b.transaction();
    await send(two, `b${round}`);
    await (round % 2 === 0 ? one.abort() : one.commit());
    await send(plain, 'plain');
    await send(two, `b${round}`);
    await (round % 3 === 0 ? two.abort() : two.commit());
  }
  const open = await left.transaction();
  await send(open, 'open');
  const last = await a.transaction();
  await send(last, 'last');
  await last.commit();
  for (const one of [a, b, plain]) await one.disconnect();
}

describe.skipIf(!HAVE_KAFKA).each(Object.entries(SERVERS))('segments export of transactions from %s', (name, start) => {
  const folder = temporaryFolder();
  let server: Server;
  const cli = cliOf(() => server.bootstrap);
  const exported = async (dir: string, ...more: string[]) => {
    const run = await cli(['segments', 'export', 'torn', join(folder.path, dir), ...more]);
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    return join(folder.path, dir, 'torn-0');
  };
  const filesOf = (path: string, kind: string) =>
    readdirSync(path)
      .filter((file) => file.endsWith(`.${kind}`))
      .sort()
      .map((file) => join(path, file));

  beforeAll(async () => {
    server = await start(folder.path);
    expect(await cli(['topics', 'create', 'torn', '-p', '1'])).toMatchObject({ exitCode: 0 });
    await fill(server);
  }, KAFKA_TIMEOUT_MS);

  afterAll(async () => {
    await server?.stop();
    folder.remove();
  });

  it('has the aborted ones in its .txnindex, by kafka-dump-log', { timeout: KAFKA_TIMEOUT_MS }, async () => {
    const path = await exported('small', '--segment-bytes', '6000');
    expect(filesOf(path, 'log').length).toBeGreaterThan(3);
    const logs = await dumpLog(['--deep-iteration'], filesOf(path, 'log'));
    const indexes = await dumpLog([], filesOf(path, 'txnindex'));
    expect(indexes.err).toBe('');
    const expected = abortedIn(filesOf(path, 'log').map((file) => logs.linesOf.get(file)!));
    expect(expected.flat()).toHaveLength(ABORTED.a + ABORTED.b);
    for (const [segment, file] of filesOf(path, 'log').entries()) {
      const lines = indexes.linesOf.get(file.replace(/log$/, 'txnindex')) ?? [];
      expect({ file, lines }).toEqual({ file, lines: expected[segment] });
    }
    const checked = await dumpLog(['--index-sanity-check'], [...filesOf(path, 'index'), ...filesOf(path, 'timeindex')]);
    expect(checked.err).toBe('');
  });

  if (name !== 'Apache Kafka') return;
  it('is the .txnindex that the broker wrote', async () => {
    const path = await exported('whole');
    const [own] = filesOf(join(folder.path, 'data', 'torn-0'), 'txnindex');
    const [copied] = filesOf(path, 'txnindex');
    expect(readFileSync(own!).length).toBeGreaterThan(0);
    expect(readFileSync(copied!).toString('hex')).toBe(readFileSync(own!).toString('hex'));
  });
});

/** For each file, what its index has to say, from the batches that kafka-dump-log found in all of them. */
function abortedIn(logs: readonly (readonly string[])[]): string[][] {
  const open = new Map<string, number>();
  return logs.map((lines) => {
    const found: string[] = [];
    let producer = '';
    for (const line of lines) {
      const batch = /^baseOffset: (\d+) .* producerId: (-?\d+) .* isTransactional: (\w+) isControl: (\w+)/.exec(line);
      if (batch !== null) {
        const [, offset, producerId, isTransactional, isControl] = batch;
        producer = producerId!;
        if (isTransactional === 'true' && isControl === 'false' && !open.has(producer)) {
          open.set(producer, Number(offset));
        }
      }
      const marker = /^\| offset: (\d+) .* endTxnMarker: (ABORT|COMMIT)/.exec(line);
      if (marker === null) continue;
      const firstOffset = open.get(producer);
      open.delete(producer);
      if (marker[2] !== 'ABORT' || firstOffset === undefined) continue;
      const last = Number(marker[1]);
      found.push(
        `version: 0 producerId: ${producer} firstOffset: ${firstOffset} lastOffset: ${last} ` +
          `lastStableOffset: ${Math.min(last + 1, ...open.values())}`,
      );
    }
    return found;
  });
}
