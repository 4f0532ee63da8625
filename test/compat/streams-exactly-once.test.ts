import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER_NAME, type Cluster, startCluster } from '../support/cluster.ts';
import { javaMissing } from '../support/java-program.ts';
import { kcatRead } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { have, haveKcat } from '../support/tools.ts';
import { until } from '../support/waiting.ts';
import { countsAfter, untilPrinted, WordCount } from '../support/word-count.ts';

/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const PATIENCE = { withinMs: 90_000, everyMs: 200 };
const LINES = 2_000;
const ROUNDS = 4;
/** Without a cache, each word that is counted is a record, so that none can be counted twice or left out unseen. */
const SETTINGS = ['processing.guarantee=exactly_once_v2', 'statestore.cache.max.bytes=0', 'commit.interval.ms=200'];

const missing = javaMissing();
const HAVE_JAVA = have('Kafka Streams', missing === undefined, `${missing}. Install a JDK 17 and maven to run it.`);

describe.skipIf(!HAVE_JAVA || !haveKcat())(`Kafka Streams, exactly_once_v2, on ${CLUSTER_NAME}`, () => {
  let cluster: Cluster | undefined;
  let words: WordCount | undefined;

  beforeAll(async () => {
    cluster = await startCluster();
    words = await WordCount.setUp(cluster);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await words?.close();
    await cluster?.close();
  });

  it(
    'counts each word once, although one of two instances is killed at its work and replaced',
    async () => {
      const instances = [words!.start('first', ...SETTINGS), words!.start('second', ...SETTINGS)];
      for (const one of instances) await untilPrinted(one, 'state RUNNING');
      const produce = async () => {
        for (let round = 0; round < ROUNDS; round++) await words!.produce(LINES);
      };
      const producing = produce();
      // kcat reads what is committed.
      await until(async () => (await kcatRead(cluster!, 'counts')).length > LINES / 2, 'the first counts', PATIENCE);
      await instances[0]!.kill();
      const replacement = words!.start('third', ...SETTINGS);
      await producing;
      const lines = ROUNDS * LINES;
      const expected = { counts: countsAfter(lines), jumps: 0 };
      expect(await words!.counted(lines, 'isolation.level=read_committed')).toEqual(expected);

      // The other one as well, so that only the replacement is left, and what it has restored.
      await instances[1]!.kill();
      await untilPrinted(replacement, 'state RUNNING');
      await words!.produce(LINES);
      const more = { counts: countsAfter(lines + LINES), jumps: 0 };
      expect(await words!.counted(lines + LINES, 'isolation.level=read_committed')).toEqual(more);
    },
    scaled(240_000),
  );
});
