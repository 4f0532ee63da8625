import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { javaMissing } from '../support/java-program.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { kcatRead } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';
import { countsAfter, restoredOf, untilPrinted, WordCount } from '../support/word-count.ts';

/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const LINES = 2_000;
const CHANGELOG = 'word-count-store-changelog';

const missing = javaMissing();
const HAVE_JAVA = have('Kafka Streams', missing === undefined, `${missing}. Install a JDK 17 and maven to run it.`);

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

describe.skipIf(!HAVE_JAVA)('Kafka Streams, at least once', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess | undefined;
  let words: WordCount | undefined;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    words = await WordCount.setUp(broker);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await words?.close();
    await broker?.stop();
    folder.remove();
  });

  const counts = async (lines: number) => (await words!.counted(lines)).counts;

  it(
    'counts words over a repartitioned topic, goes on where it was, and restores its store elsewhere',
    async () => {
      const first = words!.start('first');
      await words!.produce(LINES);
      expect(await counts(LINES)).toBe(countsAfter(LINES));
      await first.kill('SIGTERM');
      expect(first.out).toContain('state NOT_RUNNING');

      await words!.produce(LINES);
      const again = words!.start('first');
      expect(await counts(2 * LINES)).toBe(countsAfter(2 * LINES));
      await again.kill('SIGTERM');

      await words!.produce(LINES);
      const elsewhere = words!.start('second');
      await untilPrinted(elsewhere, 'state RUNNING');
      expect(await counts(3 * LINES)).toBe(countsAfter(3 * LINES));
      expect(restoredOf(elsewhere)).toHaveLength(3);
      expect(sum(restoredOf(elsewhere))).toBeGreaterThan(0);
      for (const one of [first, again, elsewhere]) expect(one.out).not.toContain('failed with');
      await elsewhere.kill('SIGTERM');
    },
    scaled(150_000),
  );

  it('makes its own topics as it wants them', async () => {
    const tools = await KafkaTools.of(broker!);
    try {
      const described = await tools.output('kafka-topics', ['--describe', '--topic', 'word-count-.*']);
      expect(described).toMatch(/word-count-words-repartition.*PartitionCount: 3.*cleanup\.policy=delete/);
      expect(described).toMatch(/word-count-store-changelog.*PartitionCount: 3.*cleanup\.policy=compact/);
    } finally {
      tools.close();
    }
  });
});

describe.skipIf(!HAVE_JAVA)('Kafka Streams with a changelog that is compacted', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess | undefined;
  let words: WordCount | undefined;

  /** Without a cache, each word that is counted is a record of the changelog. */
  const SETTINGS = [
    'statestore.cache.max.bytes=0',
    'changelog.segment.ms=1000',
    'changelog.min.cleanable.dirty.ratio=0.01',
  ];

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path, ['--log-retention-check-interval-ms', '500']);
    words = await WordCount.setUp(broker);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await words?.close();
    await broker?.stop();
    folder.remove();
  });

  it(
    'restores its store, elsewhere, from what compaction has left',
    async () => {
      const first = words!.start('first', ...SETTINGS);
      await words!.produce(LINES);
      expect(await words!.counted(LINES)).toEqual({ counts: countsAfter(LINES), jumps: 0 });
      expect((await kcatRead(broker!, CHANGELOG)).length).toBeGreaterThan(LINES);
      // The newest segment is not compacted, so there have to be records after the first ones were sealed.
      let lines = LINES;
      const isCompacted = async () => {
        lines += 4;
        await words!.produce(4);
        return (await kcatRead(broker!, CHANGELOG)).length < LINES / 2;
      };
      await until(isCompacted, 'compaction', { withinMs: 90_000, everyMs: 1_000 });
      expect((await words!.counted(lines)).counts).toBe(countsAfter(lines));
      await first.kill('SIGTERM');

      const elsewhere = words!.start('second', ...SETTINGS);
      await untilPrinted(elsewhere, 'state RUNNING');
      const restored = sum(restoredOf(elsewhere));
      expect(restored).toBeGreaterThanOrEqual(5);
      expect(restored).toBeLessThan(LINES / 2);
      await words!.produce(LINES);
      lines += LINES;
      expect(await words!.counted(lines)).toEqual({ counts: countsAfter(lines), jumps: 0 });
      await elsewhere.kill('SIGTERM');
    },
    scaled(180_000),
  );
});
