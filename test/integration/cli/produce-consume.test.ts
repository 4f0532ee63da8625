import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../../lib/records/murmur2.ts';
import type { Tidelog } from '../../../lib/run/start.ts';
import { until } from '../../support/waiting.ts';
import { cliOf, runCli, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);
const folder = mkdtempSync(join(tmpdir(), 'tidelog-cli-'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'num.partitions': '1' });
});
afterAll(async () => {
  await tidelog.close();
  rmSync(folder, { recursive: true });
});

/** The bytes that `consume --until-end` prints. */
async function consumed(topic: string, args: readonly string[] = []): Promise<Buffer> {
  const run = runCli(['consume', topic, '--until-end', ...args], {
    environment: { TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers },
  });
  expect(await run.exitCode).toBe(0);
  return run.out();
}

const linesOf = (bytes: Buffer): string[] => bytes.toString().split('\n').slice(0, -1);

describe('bytes', () => {
  it('come back as they were, with all codecs, also where they are no text', async () => {
    // 3 MB of noise has about 12,000 line ends, some of them side by side.
    const noise = Buffer.concat([randomBytes(3_000_000), Buffer.from('\n')]);
    const path = join(folder, 'noise');
    writeFileSync(path, noise);
    for (const codec of ['none', 'gzip', 'snappy', 'lz4']) {
      expect(await cli(['produce', `noise-${codec}`, path, '-z', codec])).toMatchObject({ exitCode: 0, err: '' });
      expect([codec, sha256(await consumed(`noise-${codec}`))]).toEqual([codec, sha256(noise)]);
    }
  });

  it('are cut at any delimiter, wherever the pieces of the input end', async () => {
    async function* piecemeal() {
      for (const byte of Buffer.from('a\r\n\rb\r\n\r\n\nlast')) yield Buffer.of(byte);
    }
    await cli(['produce', 'crlf', '-D', '\\r\\n'], { input: piecemeal() });
    expect((await consumed('crlf', ['-f', '[%s]'])).toString()).toBe('[a][\rb][][\nlast]');
  });

  it('are one record without a delimiter', async () => {
    await cli(['produce', 'whole', '-D', ''], { input: 'a\nb\n' });
    expect((await consumed('whole', ['-D', ''])).toString()).toBe('a\nb\n');
  });

  it('go through a record of a megabyte less what a batch takes, and one byte too many is told', async () => {
    const limit = 1_048_588;
    await cli(['topics', 'create', 'big', '-c', `max.message.bytes=${limit}`]);
    const record = 'x'.repeat(limit - 100);
    expect(await cli(['produce', 'big'], { input: record })).toMatchObject({ exitCode: 0 });
    expect((await consumed('big')).length).toBe(record.length + 1);
    const { exitCode, err } = await cli(['produce', 'big'], { input: `fine\n${'x'.repeat(limit)}` });
    expect([exitCode, err]).toEqual([
      1,
      expect.stringMatching(/^Record 2 was not stored in big-0: .*MESSAGE_TOO_LARGE/),
    ]);
  });
});

describe('a record that is too large', () => {
  it('is told what to do about, and that helps', async () => {
    await cli(['topics', 'create', 'huge']);
    const input = 'a line\n'.repeat(300_000);
    const { exitCode, err } = await cli(['produce', 'huge', '-D', ''], { input });
    expect([exitCode, err]).toEqual([
      1,
      expect.stringMatching(/^Record 1 was not stored in huge-0: .*MESSAGE_TOO_LARGE\)\. As a batch the record takes/),
    ]);
    expect(err).not.toContain('--batch-size');
    const advised = /tidelog (topics alter huge -c max\.message\.bytes=\d+)/.exec(err)![1]!.split(' ');
    expect(await cli(advised)).toMatchObject({ exitCode: 0 });
    expect(await cli(['produce', 'huge', '-D', ''], { input })).toMatchObject({ exitCode: 0, err: '' });
  });

  it('may be one of a batch that can be smaller', async () => {
    await cli(['topics', 'create', 'lots', '-c', 'max.message.bytes=1000']);
    const input = 'a line\n'.repeat(1_000);
    const { err } = await cli(['produce', 'lots'], { input });
    expect(err).toMatch(/^Records 1 to 1000 were not stored .* lower --batch-size\./);
    expect(await cli(['produce', 'lots', '--batch-size', '500'], { input })).toMatchObject({ exitCode: 0 });
  });
});

describe('keys, headers and partitions', () => {
  it('are read from lines', async () => {
    const args = ['-K', ':', '--headers-separator', '\\t', '-H', 'from=test', '--empty-as-null', '-p', '0'];
    const input = 'a=1,b=x=y\tkey:value:more\n\tk:\n';
    expect(await cli(['produce', 'lines', ...args], { input })).toMatchObject({ exitCode: 0, err: '' });
    const out = await consumed('lines', ['-f', '%k|%K|%s|%S|%h\\n', '--null', 'NULL']);
    expect(linesOf(out)).toEqual(['key|3|value:more|10|from=test,a=1,b=x=y', 'k|1|NULL|-1|from=test']);
  });

  it('put equal keys where Kafka puts them, and spread records without a key', async () => {
    await cli(['topics', 'create', 'spread', '-p', '5']);
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    await cli(['produce', 'spread', '-K', '='], { input: keys.map((key) => `${key}=v\n`).join('') });
    const found = linesOf(await consumed('spread', ['-f', '%p %k\\n']));
    expect(found.sort()).toEqual(keys.map((key) => `${partitionForKey(Buffer.from(key), 5)} ${key}`).sort());

    await cli(['topics', 'create', 'turns', '-p', '3']);
    await cli(['produce', 'turns', '--batch-size', '100'], { input: 'some record\n'.repeat(30) });
    expect(new Set(linesOf(await consumed('turns', ['-f', '%p\\n'])))).toEqual(new Set(['0', '1', '2']));
  });

  it('say which line has no key', async () => {
    const { exitCode, err } = await cli(['produce', 'lines', '-K', ':'], { input: 'a:b\nc\n' });
    expect([exitCode, err]).toEqual([1, expect.stringContaining('Record 2 has no ":" behind its key')]);
  });

  it('go through JSON and back, bytes that are no text too', async () => {
    const records = [
      {
        key: 'k',
        value: 'ü',
        headers: [
          { key: 'h', value: '1' },
          { key: 'h', value: null },
        ],
        partition: 1,
        timestamp: 5,
      },
      { keyBase64: '/w==', value: null, headers: [{ key: 'h', valueBase64: 'gA==' }], partition: 0, timestamp: 6 },
    ];
    await cli(['topics', 'create', 'json', '-p', '2']);
    await cli(['topics', 'create', 'copy', '-p', '2']);
    const input = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    expect(await cli(['produce', 'json', '-f', 'json'], { input })).toMatchObject({ exitCode: 0, err: '' });
    const printed = await consumed('json', ['--format', 'json']);
    await cli(['produce', 'copy', '-f', 'json'], { input: printed });
    const read = linesOf(await consumed('copy', ['--json'])).map((line) => JSON.parse(line));
    expect(read.sort((a, b) => a.timestamp - b.timestamp)).toEqual(
      records.map((record) => ({ topic: 'copy', offset: 0, ...record })),
    );
  });

  it('say what is wrong with JSON', async () => {
    const tell = async (input: string) => (await cli(['produce', 'json', '-f', 'json'], { input })).err;
    expect(await tell('{"value":"a"}\n{"valeu":"a"}')).toContain(
      'Record 2 has the unknown field "valeu". Did you mean value?',
    );
    expect(await tell('nope')).toContain('Record 1 is not JSON');
    expect(await tell('{"partition":7,"value":"a"}')).toContain(
      'Record 1 is for partition 7, and topic json has 0 to 1.',
    );
  });
});

describe('what produce tells', () => {
  it('is where the records are, as JSON', async () => {
    await cli(['produce', 'told'], { input: 'before\n' });
    const { out } = await cli(['produce', 'told', '--json'], { input: 'a\nb\n' });
    expect(JSON.parse(out)).toMatchObject({
      topic: 'told',
      records: 2,
      bytes: 4,
      partitions: [{ partition: 0, records: 2, firstOffset: 1, lastOffset: 2 }],
    });
  });

  it('works without waiting for the broker, and without idempotence', async () => {
    for (const [index, flags] of [['--acks', '0'], ['--acks', '1'], ['--no-idempotence']].entries()) {
      expect(await cli(['produce', `acks-${index}`, ...flags], { input: 'a\nb\n' })).toMatchObject({
        exitCode: 0,
        err: '',
      });
      expect(linesOf(await consumed(`acks-${index}`))).toEqual(['a', 'b']);
    }
  });
});

describe('where consume begins and ends', () => {
  beforeAll(async () => {
    const input = Array.from({ length: 10 }, (_, i) => `${JSON.stringify({ value: `v${i}`, timestamp: 1000 * i })}\n`);
    await cli(['produce', 'ten', '-f', 'json'], { input: input.join('') });
  });

  it.each([
    [['--until-end'], 'v0 v1 v2 v3 v4 v5 v6 v7 v8 v9'],
    [['--until-end', '-o', '7'], 'v7 v8 v9'],
    [['--until-end', '-o', '-2'], 'v8 v9'],
    [['--until-end', '-o', '-100', '-n', '2'], 'v0 v1'],
    [['--until-end', '-o', 'latest'], ''],
    [['--until-end', '-o', '10'], ''],
    [['--from-beginning', '-n', '3'], 'v0 v1 v2'],
    [['--until-end', '--timestamp', '6500'], 'v7 v8 v9'],
    [['--until-end', '--timestamp', '1970-01-01T00:00:08Z'], 'v8 v9'],
    [['--until-end', '--timestamp', '99999999'], ''],
    [['-o', '2:5'], 'v2 v3 v4'],
    [['-o', ':2'], 'v0 v1'],
    [['-o', '-3:end'], 'v7 v8 v9'],
    [['-o', '+8:', '--until-end'], 'v8 v9'],
    [['-o', '+2:-6'], 'v2 v3'],
    [['-o', '5:5'], ''],
    [['-o', '@2000:4000'], 'v2 v3'],
    [['--timestamp', '3500:5500'], 'v4 v5'],
    [['--timestamp', ':1000'], 'v0'],
    [['--timestamp', '8000:-1h'], 'v8 v9'],
    [['-o', '8:20', '--until-end'], 'v8 v9'],
  ] as [string[], string][])('%j', async (args, expected) => {
    const { exitCode, out, err } = await cli(['consume', 'ten', ...args]);
    expect([exitCode, out.trimEnd().split('\n').join(' '), err]).toEqual([0, expected, '']);
  });

  it('waits for the end of a range that is still to come', async () => {
    await cli(['topics', 'create', 'growing']);
    await cli(['produce', 'growing'], { input: 'a\nb\n' });
    const environment = { TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers };
    const run = runCli(['consume', 'growing', '-o', '1:4'], { environment });
    await until(() => run.out().toString() === 'b\n');
    await cli(['produce', 'growing'], { input: 'c\nd\ne\n' });
    expect([await run.exitCode, run.out().toString()]).toEqual([0, 'b\nc\nd\n']);
  });

  it('reads several topics, and those that match a pattern', async () => {
    for (const name of ['multi-eu', 'multi-us', 'multiple']) await cli(['produce', name], { input: `in ${name}\n` });
    const read = async (...topics: string[]) => {
      const { exitCode, out } = await cli(['consume', ...topics, '-e', '-f', '%t: %s\\n']);
      return [exitCode, ...out.split('\n').sort()];
    };
    const [eu, us] = ['multi-eu: in multi-eu', 'multi-us: in multi-us'];
    expect(await read('multi-us', 'multi-eu', 'multi-us')).toEqual([0, '', eu, us]);
    expect(await read('^multi-')).toEqual([0, '', eu, us]);
    expect(await read('^multi-(us|jp)$', 'multiple')).toEqual([0, '', us, 'multiple: in multiple']);
    const none = await cli(['consume', '^nothing', '-e']);
    expect([none.exitCode, none.err]).toEqual([1, "No topic's name matches ^nothing.\n"]);
    const missing = await cli(['consume', 'multi-eu', 'multi-uss', '-e']);
    expect([missing.exitCode, missing.err]).toEqual([1, expect.stringContaining('Did you mean multi-us?')]);
  });

  it('keeps to the chosen partitions', async () => {
    await cli(['topics', 'create', 'parts', '-p', '4']);
    for (const p of ['0', '1', '2', '3']) await cli(['produce', 'parts', '-p', p], { input: `in ${p}\n` });
    expect(linesOf(await consumed('parts', ['-p', '1', '-p', '3'])).sort()).toEqual(['in 1', 'in 3']);
  });

  it('prints keys beside values', async () => {
    await cli(['produce', 'pairs', '-k', 'k'], { input: 'a\n' });
    expect((await consumed('pairs', ['--print-key'])).toString()).toBe('k\ta\n');
    expect((await consumed('pairs', ['-f', 'key-value', '-K', ' => ', '-D', ';'])).toString()).toBe('k => a;');
  });
});
