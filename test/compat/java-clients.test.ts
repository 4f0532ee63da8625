import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { JavaProgram, javaMissing } from '../support/java-program.ts';
import { KAFKA_TOOLS_VERSION } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { have } from '../support/tools.ts';

const SOURCE = join(import.meta.dirname, 'java/ClientsCheck.java');
/** Fetching the jars, and all checks, which run side by side. */
const PATIENCE_MS = scaled(300_000);

/** What each check of the Java program prints where all is well. */
const EXPECTED = {
  'produce none': ['same 1000', 'all partitions true', 'offsets as told true'],
  'produce gzip': ['same 1000', 'all partitions true', 'offsets as told true'],
  'produce snappy': ['same 1000', 'all partitions true', 'offsets as told true'],
  'produce lz4': ['same 1000', 'all partitions true', 'offsets as told true'],
  'produce zstd': ['same 1000', 'all partitions true', 'offsets as told true'],
  seek: [
    'beginning 0',
    'end 100',
    'for times 50 100000 null',
    'from there 100 to 118',
    'position 60',
    'while paused [0]',
    'the last [195, 197, 199]',
    'lag 0',
  ],
  'commit classic': ['async 6 null', 'committed 4 noted', 'goes on at {0=4, 1=6}', 'then at 10'],
  'commit consumer': ['async 6 null', 'committed 4 noted', 'goes on at {0=4, 1=6}', 'then at 10'],
  'share range': ['shared 4', 'read 800', 'twice 0'],
  'share cooperative': ['shared 4', 'read 800', 'twice 0'],
  'share consumer': ['shared 4', 'read 800', 'twice 0'],
  'static classic': ['the same true', 'nobody else noticed true', 'removed 4'],
  'static consumer': ['the same true', 'nobody else noticed true', 'removed 4'],
  admin: [
    'by id 2 true',
    'unknown id UnknownTopicIdException',
    'offsets earliest 0 latest 3 largest 1 at 6 1 tiered -1',
    'set 2 moved',
    'none {}',
    'deleted {}',
    'no group GroupIdNotFoundException',
    'quorum led by 0',
    'not served UnsupportedVersionException',
    'gone UnknownTopicOrPartitionException',
  ],
} as const;

const missing = javaMissing();
const HAVE_JAVA = have(
  "Kafka's Java clients",
  missing === undefined,
  `${missing}. Install a JDK 17 and maven to run them.`,
);

describe.skipIf(!HAVE_JAVA)("Kafka's Java clients", () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess | undefined;
  let program: JavaProgram | undefined;
  let printed: { readonly out: string; readonly err: string };

  beforeAll(async () => {
    program = await JavaProgram.compile(SOURCE, [`org.apache.kafka:kafka-clients:${KAFKA_TOOLS_VERSION}`]);
    broker = await startBrokerProcess(folder.path);
    printed = await program.run([broker.bootstrap, ...Object.keys(EXPECTED)]);
  }, PATIENCE_MS);

  afterAll(async () => {
    await program?.close();
    await broker?.stop();
    folder.remove();
  });

  it.each(Object.entries(EXPECTED))('%s', (check, expected) => {
    const found = printed.out.split('\n').filter((line) => line.startsWith(`${check}: `));
    expect(
      found.map((line) => line.slice(check.length + 2)),
      printed.err,
    ).toEqual(expected);
  });
});
