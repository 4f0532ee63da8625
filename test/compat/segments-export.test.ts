import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOf } from '../integration/cli/cli-run.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { dumpLog } from '../support/dump-log.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';

/** A first run fetches some hundred jars; then a broker starts twice. */
const KAFKA_TIMEOUT_MS = scaled(300_000);

const missing = mavenMissing();
const HAVE_KAFKA = have('Kafka itself', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

describe.skipIf(!HAVE_KAFKA)('segments export from Kafka itself', () => {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const properties = { 'log.dirs': data, 'log.retention.ms': '-1' };
  let broker: KafkaBroker;
  const cli = cliOf(() => `127.0.0.1:${broker.port}`);
  const filesOf = (path: string, kind: string) =>
    readdirSync(path)
      .filter((name) => name.endsWith(`.${kind}`))
      .sort()
      .map((name) => join(path, name));
  const logOf = (path: string) => Buffer.concat(filesOf(path, 'log').map((file) => readFileSync(file)));
  const exportTo = (dir: string) => cli(['segments', 'export', 'copied', dir, '--segment-bytes', '20000']);
  const copy = join(folder.path, 'copy');

  beforeAll(async () => {
    broker = await KafkaBroker.start(properties);
    expect(await cli(['topics', 'create', 'copied', '-p', '1'])).toMatchObject({ exitCode: 0 });
    for (const codec of ['none', 'gzip', 'lz4', 'snappy']) {
      const input = Array.from({ length: 400 }, (_, index) => `${codec} ${index} ${'x'.repeat(index % 90)}\n`).join('');
      const run = await cli(['produce', 'copied', '-z', codec, '--batch-size', '2000'], { input });
      expect(run).toMatchObject({ exitCode: 0 });
    }
    expect(await exportTo(copy)).toMatchObject({ exitCode: 0, err: '' });
  }, KAFKA_TIMEOUT_MS);

  afterAll(async () => {
    await broker?.stop();
    folder.remove();
  });

  it("has the bytes of the broker's own log", () => {
    const own = logOf(join(data, 'copied-0'));
    expect(own.length).toBeGreaterThan(40_000);
    expect(logOf(join(copy, 'copied-0')).equals(own)).toBe(true);
  });

  it('is what kafka-dump-log finds in order', { timeout: KAFKA_TIMEOUT_MS }, async () => {
    const path = join(copy, 'copied-0');
    const logs = await dumpLog(['--deep-iteration'], filesOf(path, 'log').slice(0, 1));
    expect(logs.err).toBe('');
    const indexes = [...filesOf(path, 'index'), ...filesOf(path, 'timeindex')];
    expect((await dumpLog(['--verify-index-only'], indexes)).err).toBe('');
    const sane = await dumpLog(['--index-sanity-check'], filesOf(path, 'index'));
    const lines = [...sane.linesOf.values()].flat();
    expect(lines.filter((line) => line.includes('passed sanity check'))).toHaveLength(filesOf(path, 'index').length);
  });

  it('is what a broker starts on', { timeout: KAFKA_TIMEOUT_MS }, async () => {
    const before = logOf(join(copy, 'copied-0'));
    await broker.stop();
    rmSync(join(data, 'copied-0'), { recursive: true });
    renameSync(join(copy, 'copied-0'), join(data, 'copied-0'));
    broker = await KafkaBroker.start(properties);
    const second = join(folder.path, 'second');
    expect(await exportTo(second)).toMatchObject({ exitCode: 0, err: '' });
    expect(logOf(join(second, 'copied-0')).equals(before)).toBe(true);
  });
});
