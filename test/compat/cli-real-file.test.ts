import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { kcatHash } from '../support/kcat.ts';
import { programArguments } from '../support/programs.ts';
import { type RealText, writeRealText } from '../support/real-text.ts';
import { haveKcat } from '../support/tools.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const program = programArguments('lib/cli/main.ts');
const MB = 1_000_000;
const FILE_BYTES_MIN = 100 * 1024 * 1024;
/** A batch takes a megabyte, and a line has to fit into one. */
const LINE_BYTES_MAX = 900_000;
/** What Node and the compiler of the tests take, and the pieces in memory; the file does not fit in beside them. */
const RESIDENT_BYTES_MAX = 450 * MB;

describe('tidelog produce and consume with a real file of 100 MB', () => {
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

  it.each(['none', 'gzip', 'snappy', 'lz4'])('gives the same bytes back (%s)', async (codec) => {
    const topic = `file-${codec}`;
    const written = await finished(start(['produce', topic, source, '-p', '0', '-z', codec, '--json']));
    expect([written.exitCode, written.err]).toEqual([0, '']);
    const told = JSON.parse(written.out.toString());
    expect(told).toMatchObject({ records: text.lines, bytes: text.bytes });
    expect(told.partitions).toEqual([
      { partition: 0, records: text.lines, firstOffset: 0, lastOffset: text.lines - 1 },
    ]);

    const started = performance.now();
    const read = await finished(start(['consume', topic, '--until-end']), true);
    const readMs = performance.now() - started;
    expect([read.exitCode, read.err]).toEqual([0, '']);
    expect([read.bytes, read.hash]).toEqual([text.bytes, hash]);
    for (const { residentBytes } of [written, read]) expect(residentBytes).toBeLessThan(RESIDENT_BYTES_MAX);
    process.stderr.write(
      `tidelog, ${codec}: ${(text.bytes / MB).toFixed(0)} MB, ${text.lines} lines; ` +
        `produce ${(text.bytes / 1000 / told.elapsedMs).toFixed(1)} MB/s in ${(told.elapsedMs / 1000).toFixed(1)} s, ` +
        `${(written.residentBytes / MB).toFixed(0)} MB resident; consume ${(text.bytes / 1000 / readMs).toFixed(1)} MB/s in ` +
        `${(readMs / 1000).toFixed(1)} s with its start, ${(read.residentBytes / MB).toFixed(0)} MB resident\n`,
    );
  });

  it.skipIf(!haveKcat())('writes what kcat reads', async () => {
    await finished(start(['produce', 'for-kcat', source, '-p', '0', '-z', 'lz4']));
    const read = await kcatHash(broker, ['-C', '-t', 'for-kcat', '-p', '0', '-o', 'beginning', '-e', '-q']);
    expect(read).toEqual({ hash, bytes: text.bytes });
  });

  it('ends without a word when the reader of the pipe goes', async () => {
    const command = `${process.execPath} ${program.join(' ')} consume file-none --from-beginning -b ${broker.bootstrap}`;
    const shell = spawn('sh', ['-c', `{ ${command}; echo "exit code $?" >&2; } | head -n 3`], { cwd: ROOT });
    const { out, err } = await finished(shell);
    expect(out.toString()).toBe(`${readFileSync(source, 'latin1').split('\n', 3).join('\n')}\n`);
    expect(err).toBe('exit code 0\n');
  });

  it('ends in order when it is told to stop', async () => {
    const child = start(['consume', 'file-none', '--from-beginning']);
    await once(child.stdout!, 'readable');
    child.kill('SIGINT');
    const { exitCode, err } = await finished(child);
    expect([exitCode, err]).toEqual([0, '']);
  });

  function start(args: readonly string[]): ChildProcess {
    const command = [...program, ...args, '-b', broker.bootstrap];
    return spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  }
});

interface Finished {
  readonly exitCode: number | null;
  /** Empty when it was only hashed. */
  readonly out: Buffer;
  readonly err: string;
  readonly bytes: number;
  readonly hash: string;
  /** The most that it had resident; 0 where the system does not tell. */
  readonly residentBytes: number;
}

async function finished(child: ChildProcess, onlyHash = false): Promise<Finished> {
  const digest = createHash('sha256');
  const out: Buffer[] = [];
  let bytes = 0;
  let err = '';
  let residentBytes = 0;
  const watch = setInterval(() => {
    residentBytes = Math.max(residentBytes, peakBytes(child.pid!));
  }, 50);
  child.stderr!.on('data', (piece) => {
    err += piece;
  });
  child.stdout!.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (onlyHash) digest.update(piece);
    else out.push(piece);
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  clearInterval(watch);
  return { exitCode, out: Buffer.concat(out), err, bytes, hash: digest.digest('hex'), residentBytes };
}

function peakBytes(pid: number): number {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return 0;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) * 1024;
}
