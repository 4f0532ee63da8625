import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const home = mkdtempSync(join(tmpdir(), 'tidelog-profiles-'));
const path = join(home, '.config/tidelog/profiles.json');
/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1';
let variables: Record<string, string> = {};
const run = cliOf(() => '');

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
});
beforeEach(() => {
  rmSync(join(home, '.config'), { recursive: true, force: true });
  variables = {};
});
afterAll(async () => {
  await tidelog.close();
  rmSync(home, { recursive: true });
});

async function cli(...args: string[]) {
  // An empty variable counts as none.
  const environment = { HOME: home, ...variables };
  return run(args, { environment });
}

/** Whether `topics list` reached the Tidelog of this test. */
async function reaches(...args: string[]): Promise<boolean> {
  return (await cli('topics', 'list', '--timeout', '2s', ...args)).exitCode === 0;
}

describe('tidelog profile', () => {
  it('creates, lists, shows, uses and deletes', async () => {
    expect(await cli('profile', 'list', '--json')).toEqual({ exitCode: 0, out: '[]\n', err: '' });
    expect((await cli('profile', 'create', 'local', '-b', 'localhost:9092')).out).toBe('Created profile local.\n');
    const login = ['-s', 'security.protocol=SASL_SSL', '-s', 'sasl.mechanism=PLAIN', '-s', 'sasl.username=ann'];
    const created = await cli(
      'profile',
      'create',
      'prod',
      '-b',
      'a:1,b:2',
      ...login,
      '-s',
      'sasl.password=s3',
      '--use',
    );
    expect(created).toEqual({ exitCode: 0, out: 'Created profile prod, which is in use now.\n', err: '' });
    expect((await cli('profile', 'list')).out).toBe(
      'CURRENT  NAME   BOOTSTRAP-SERVERS\n         local  localhost:9092\n*        prod   a:1,b:2\n',
    );
    const { out } = await cli('profile', 'show');
    expect(out).toContain('sasl.username=ann\nsasl.password=(hidden)\n');
    expect((await cli('profile', 'show', 'prod', '--json')).out).not.toContain('s3');
    expect((await cli('profile', 'use', 'local')).out).toBe('Profile local is in use now.\n');
    expect((await cli('profile', 'delete', 'local')).out).toBe('Deleted profile local.\n');
    expect((await cli('profile', 'show')).err).toMatch(/^No profile is in use/);
    expect(JSON.parse((await cli('profile', 'list', '--json')).out)).toEqual([
      { name: 'prod', bootstrapServers: 'a:1,b:2', current: false },
    ]);
  });

  it('keeps its file for its owner', async () => {
    await cli('profile', 'create', 'one', '-b', 'a:1');
    expect([statSync(path).mode & 0o777, statSync(join(path, '..')).mode & 0o777]).toEqual([0o600, 0o700]);
    chmodSync(path, 0o644);
    await cli('profile', 'create', 'two', '-b', 'a:2');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      profiles: { one: { 'bootstrap.servers': 'a:1' }, two: { 'bootstrap.servers': 'a:2' } },
    });
  });

  it('warns when others can read a password', async () => {
    const login = ['-s', 'security.protocol=SASL_PLAINTEXT', '-s', 'sasl.mechanism=PLAIN', '-s', 'sasl.username=ann'];
    await cli('profile', 'create', 'open', '-b', NOWHERE, ...login, '-s', 'sasl.password=s3');
    expect((await cli('topics', 'list', '--profile', 'open')).err).not.toContain('Other users');
    chmodSync(path, 0o640);
    expect((await cli('topics', 'list', '--profile', 'open')).err).toMatch(
      /^Other users may read the password in .*chmod 600/,
    );
  });

  it("takes the properties of a client's file", async () => {
    const file = join(home, 'client.properties');
    writeFileSync(file, `bootstrap.servers=${tidelog.bootstrapServers}\nclient.id=me\n`);
    await cli('profile', 'create', 'filed', '--from', file);
    expect((await cli('profile', 'show', 'filed')).out).toContain('client.id=me\n');
    expect(await reaches('--profile', 'filed')).toBe(true);
  });

  it.each([
    [['profile', 'create', 'a b', '-b', 'a:1'], 2, '"a b" is no name for a profile'],
    [['profile', 'create', 'a'], 2, 'Say where the cluster is'],
    [['profile', 'create', 'a', '-b', 'a:1', '-s', 'security.protocol=TLS'], 2, 'security.protocol is one of'],
    [['profile', 'create', 'known', '-b', 'a:1'], 1, 'There is a profile known already. With --replace'],
    [['profile', 'use', 'knwon'], 2, 'There is no profile knwon. Did you mean known?'],
    [['profile', 'use'], 2, 'Name a profile, or give --none.'],
    [['profile', 'delete', 'other'], 2, 'There is no profile other.'],
    [['topics', 'list', '--profile', 'knwon'], 2, 'There is no profile knwon. Did you mean known?'],
    [['topics', 'list', '--profile', 'known', '--client-config', 'x'], 2, 'Give either --client-config or --profile.'],
  ] as [string[], number, string][])('refuses %j', async (args, exitCode, message) => {
    await cli('profile', 'create', 'known', '-b', 'a:1');
    const refused = await cli(...args);
    expect([refused.exitCode, refused.err]).toEqual([exitCode, expect.stringContaining(message)]);
  });

  it('says which file it cannot use', async () => {
    await cli('profile', 'create', 'known', '-b', 'a:1');
    for (const content of ['{', '{}', '{"profiles":{"a":1}}']) {
      writeFileSync(path, content);
      const { exitCode, err } = await cli('topics', 'list');
      expect([exitCode, err]).toEqual([1, expect.stringContaining(`${path} cannot be used: `)]);
    }
  });
});

describe('what says where the cluster is', () => {
  it('goes from flags over files and variables to the profile in use', async () => {
    const here = tidelog.bootstrapServers;
    await cli('profile', 'create', 'here', '-b', here);
    await cli('profile', 'create', 'away', '-b', NOWHERE, '--use');
    expect(await reaches()).toBe(false);
    variables = { TIDELOG_BOOTSTRAP_SERVERS: here };
    expect(await reaches()).toBe(true);
    variables = { TIDELOG_BOOTSTRAP_SERVERS: NOWHERE, TIDELOG_CLIENT_PROFILE: 'here' };
    expect(await reaches()).toBe(true);
    variables = { TIDELOG_CLIENT_PROFILE: 'away' };
    expect(await reaches('--profile', 'here')).toBe(true);
    expect(await reaches('-b', here)).toBe(true);
    expect(await reaches('--profile', 'here', '-b', NOWHERE)).toBe(false);
    variables = {};
    await cli('profile', 'use', 'here');
    expect(await reaches()).toBe(true);
    expect(await reaches('-b', NOWHERE)).toBe(false);
  });

  it('gives no login of the profile in use to another address', async () => {
    const login = ['-s', 'security.protocol=SASL_PLAINTEXT', '-s', 'sasl.mechanism=PLAIN', '-s', 'sasl.username=ann'];
    await cli('profile', 'create', 'secret', '-b', NOWHERE, ...login, '-s', 'sasl.password=s3', '--use');
    // It would have failed at the login, which this Tidelog does not have.
    expect(await reaches('-b', tidelog.bootstrapServers)).toBe(true);
    expect(await reaches('-b', tidelog.bootstrapServers, '--profile', 'secret')).toBe(false);
  });
});
