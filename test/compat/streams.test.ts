import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { JavaProgram, javaMissing, type RunningJava } from '../support/java-program.ts';
import { KAFKA_TOOLS_VERSION, KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { have } from '../support/tools.ts';

const SOURCE = join(import.meta.dirname, 'java/WordCount.java');
/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const LINES = 2_000;
const PATIENCE_MS = scaled(60_000);

const missing = javaMissing();
const HAVE_JAVA = have('Kafka Streams', missing === undefined, `${missing}. Install a JDK 17 and maven to run it.`);

/** What the counts are after so many lines, each of which has two words. */
function countsAfter(lines: number): string {
  const words = [0, 1, 2, 3].map((word) => `word${word}=${lines / 4}`);
  return `{the=${lines}, ${words.join(', ')}}`;
}

async function untilPrinted(application: RunningJava, text: string): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!application.out.includes(text)) {
    if (!application.isRunning || performance.now() > giveUpAt) {
      throw new Error(`not printed: ${text}\n${application.out}\n${application.err}`);
    }
    await wait(50);
  }
}

describe.skipIf(!HAVE_JAVA)('Kafka Streams, at least once', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess | undefined;
  let program: JavaProgram | undefined;

  beforeAll(async () => {
    program = await JavaProgram.compile(SOURCE, [`org.apache.kafka:kafka-streams:${KAFKA_TOOLS_VERSION}`]);
    broker = await startBrokerProcess(join(folder.path, 'data'));
    await program.run([broker.bootstrap, 'setup']);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await program?.close();
    await broker?.stop();
    folder.remove();
  });

  const start = (state: string) => program!.start([broker!.bootstrap, 'run', join(folder.path, state)]);
  const produce = () => program!.run([broker!.bootstrap, 'produce', String(LINES)]);
  const counts = async (lines: number) =>
    (await program!.run([broker!.bootstrap, 'counts', String(2 * lines)])).out.trim();

  it(
    'counts words over a repartitioned topic, goes on where it was, and restores its store elsewhere',
    async () => {
      const first = start('first');
      await produce();
      expect(await counts(LINES)).toBe(countsAfter(LINES));
      await first.kill('SIGTERM');
      expect(first.out).toContain('state NOT_RUNNING');

      await produce();
      const again = start('first');
      expect(await counts(2 * LINES)).toBe(countsAfter(2 * LINES));
      await again.kill('SIGTERM');

      await produce();
      const elsewhere = start('second');
      await untilPrinted(elsewhere, 'state RUNNING');
      expect(await counts(3 * LINES)).toBe(countsAfter(3 * LINES));
      const restored = [...elsewhere.out.matchAll(/restored word-count-store-changelog-\d (\d+)/g)].map(([, n]) =>
        Number(n),
      );
      expect(restored).toHaveLength(3);
      expect(restored.reduce((sum, n) => sum + n)).toBeGreaterThan(0);
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
