import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { kcat, kcatHash } from '../support/kcat.ts';
import { type RealText, writeRealText } from '../support/real-text.ts';
import { haveKcat, kcatVersion } from '../support/tools.ts';

const MIB = 1024 * 1024;
const FILE_BYTES_MIN = 100 * MIB;
/** A batch takes a megabyte, and a line has to fit into one. */
const LINE_BYTES_MAX = 900_000;
/** The cache, requests and answers on their way, and what a process of Node takes anyway. */
const RESIDENT_BYTES_MAX = 700 * MIB;

describe.skipIf(!haveKcat())('a real file of 100 MB, line by line', () => {
  const folder = temporaryFolder();
  const source = join(folder.path, 'source.txt');
  let broker: BrokerProcess;
  let text: RealText;
  let hash: string;

  beforeAll(async () => {
    text = writeRealText(source, FILE_BYTES_MIN, LINE_BYTES_MAX);
    const digest = createHash('sha256');
    await pipeline(createReadStream(source), digest);
    hash = digest.digest('hex');
    broker = await startBrokerProcess(join(folder.path, 'data'));
  });

  afterAll(async () => {
    await broker.stop();
    folder.remove();
  });

  it.each(['none', 'lz4'])('comes back with the same bytes, in order, also after a restart (%s)', async (codec) => {
    const topic = `file-${codec}`;
    const started = performance.now();
    await kcat(broker, ['-P', '-t', topic, '-p', '0', '-z', codec, '-l', source]);
    const written = performance.now();
    const read = await kcatHash(broker, ['-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', '-q']);
    const done = performance.now();
    expect(read).toEqual({ hash, bytes: text.bytes });
    expect((await kcat(broker, ['-Q', '-t', `${topic}:0:-1`])).toString()).toContain(`offset ${text.lines}`);
    const resident = broker.residentBytes();
    if (!Number.isNaN(resident)) expect(resident).toBeLessThan(RESIDENT_BYTES_MAX);
    report(codec, written - started, done - written, resident);

    expect(await broker.stop()).toBe(0);
    broker = await startBrokerProcess(join(folder.path, 'data'));
    expect(await kcatHash(broker, ['-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', '-q'])).toEqual(read);
  });

  function report(codec: string, writeMs: number, readMs: number, resident: number): void {
    const rate = (ms: number) => `${(text.bytes / MIB / (ms / 1000)).toFixed(1)} MiB/s in ${(ms / 1000).toFixed(1)} s`;
    process.stderr.write(
      `${kcatVersion()}, ${codec}: ${(text.bytes / MIB).toFixed(0)} MiB, ${text.lines} lines of ${text.files} files; ` +
        `write ${rate(writeMs)}, read ${rate(readMs)}, broker ${(resident / MIB).toFixed(0)} MiB\n`,
    );
  }
});
