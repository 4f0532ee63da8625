import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);
const folder = mkdtempSync(join(tmpdir(), 'tidelog-cli-'));

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'auto.create.topics.enable': 'false' });
  await cli(['topics', 'create', 'orders', '-p', '2']);
});
afterAll(async () => {
  await tidelog.close();
  rmSync(folder, { recursive: true });
});

describe('wrong flags and arguments', () => {
  it.each([
    [
      ['topics', 'crate', 'x'],
      "Unknown command 'crate'. Did you mean create? tidelog topics --help lists all flags.\n",
    ],
    [['topics', 'create', 'x', '--partitons', '3'], /Did you mean --partitions\?/],
    [['topics', 'create'], /^Missing required argument 'name'\. tidelog topics create --help/],
    [['topics', 'create', 'x', '-p', 'three'], /It takes a whole number from 1 to/],
    [['topics', 'create', 'x', '-c', 'retention.ms'], /It takes name=value\./],
    [['topics', 'list', '--timeout', 'soon'], /It takes a time such as 500ms/],
    [['topics', 'list', '-b', 'nowhere:port'], /"nowhere:port" is no address/],
    [['consume', 'orders', '--offset', 'first'], /It takes a whole number, \+N, -N, earliest, latest or @TIME/],
    [['consume', 'orders', '--offset', '5', '--from-beginning'], /Give only one of --from-beginning/],
    [['consume', 'orders', '-f', '%q'], /%q means nothing in a template/],
    [['consume', 'orders', '-f', 'avro'], /There is no format avro/],
    [['consume', 'orders', '--timestamp', 'yesterday'], /It takes a time such as/],
    [['consume', '^orders-('], /"\^orders-\(" is no regular expression/],
    [['produce', 'orders', '-z', 'zip'], /Allowed choices are none, gzip, snappy, lz4, zstd/],
    [['produce', 'orders', '-k', 'a', '-K', ':'], /Give either --key or --key-separator/],
    [['produce', 'orders', '-D', '\\q'], /It knows the escapes/],
    [['produce', 'orders', '-f', 'json', '-K', ':'], /leave --key-separator out/],
  ] as [string[], string | RegExp][])('%j is told in a sentence, with exit code 2', async (args, message) => {
    const { exitCode, out, err } = await cli(args);
    expect([exitCode, out]).toEqual([2, '']);
    if (typeof message === 'string') expect(err).toBe(message);
    else expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it.skipIf(Number(process.versions.node.split('.')[0]) >= 22)('zstd is refused where Node cannot do it', async () => {
    const { exitCode, err } = await cli(['produce', 'orders', '-z', 'zstd'], { input: 'a' });
    expect([exitCode, err]).toEqual([
      2,
      expect.stringMatching(/^zstd needs Node 22\.15 or later, .* Choose gzip, snappy or lz4\.\n$/),
    ]);
  });

  it('shows help with examples on stdout, and on stderr when the subcommand is missing', async () => {
    for (const command of [['produce'], ['consume'], ['cluster'], ['topics', 'create'], ['configs', 'alter']]) {
      const { exitCode, out } = await cli([...command, '--help']);
      expect([exitCode, out]).toEqual([0, expect.stringMatching(/Usage: tidelog [\s\S]*Examples:[\s\S]*Exit codes:/)]);
    }
    const bare = await cli(['topics']);
    expect([bare.exitCode, bare.out, bare.err]).toEqual([2, '', expect.stringContaining('Usage: tidelog topics')]);
  });
});

describe('what is not there', () => {
  it('a broker', async () => {
    const { exitCode, err } = await cli(['topics', 'list', '-b', '127.0.0.1:1', '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(err).error.message).toMatch(
      /^No broker at 127\.0\.0\.1:1: nothing listens there\. Start one with tidelog dev/,
    );
  });

  it('a broker among several is passed over', async () => {
    const { exitCode } = await cli(['topics', 'list', '-b', `127.0.0.1:1,${tidelog.bootstrapServers}`]);
    expect(exitCode).toBe(0);
  });

  it('a broker that answers', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => mute.once('listening', resolve));
    const { port } = mute.address() as { port: number };
    const { exitCode, err } = await cli(['cluster', '-b', `127.0.0.1:${port}`, '--timeout', '300ms']);
    mute.close();
    expect([exitCode, err]).toEqual([
      1,
      expect.stringMatching(/did not answer within 300 ms\. Is it a Kafka address\?/),
    ]);
  });

  it('a topic', async () => {
    for (const command of ['produce', 'consume']) {
      const { exitCode, err } = await cli([command, 'odrers'], { input: 'a\n' });
      expect([exitCode, err]).toEqual([
        1,
        'There is no topic odrers (UNKNOWN_TOPIC_OR_PARTITION). Did you mean orders?\n',
      ]);
    }
  });

  it('a file', async () => {
    const missing = await cli(['produce', 'orders', join(folder, 'none')]);
    expect([missing.exitCode, missing.err]).toEqual([1, `There is no file ${join(folder, 'none')}.\n`]);
    expect((await cli(['produce', 'orders', folder])).err).toBe(`${folder} is a folder, not a file.\n`);
  });

  it('a partition or an offset', async () => {
    expect((await cli(['produce', 'orders', '-p', '2'], { input: 'a' })).err).toContain(
      'has no partition 2, only 0 to 1.',
    );
    expect((await cli(['consume', 'orders', '-p', '5'])).err).toContain('has no partition 5, only 0 to 1');
    const { exitCode, err } = await cli(['consume', 'orders', '-p', '0', '-o', '1000']);
    expect([exitCode, err]).toEqual([1, expect.stringContaining('(OFFSET_OUT_OF_RANGE): orders has offsets 0 to 0')]);
  });
});

describe('the client config file', () => {
  it('gives the address', async () => {
    const path = join(folder, 'client.properties');
    writeFileSync(path, `bootstrap.servers=${tidelog.bootstrapServers}\nacks=all\n`);
    const args = ['topics', 'list', '--client-config', path];
    expect(await cli(args, { environment: { TIDELOG_BOOTSTRAP_SERVERS: '127.0.0.1:1' } })).toMatchObject({
      exitCode: 0,
    });
  });

  it('is not passed over where it cannot be followed', async () => {
    const path = join(folder, 'keystore.properties');
    writeFileSync(path, 'security.protocol=SSL\nssl.keystore.location=/k.jks\n');
    const { exitCode, err } = await cli(['topics', 'list', '--client-config', path]);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('ssl.keystore.location is not supported')]);
  });
});
