import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { createFront, type FrontOptions } from '../../support/login-front.ts';
import { TEST_CERTIFICATE } from '../../support/tls-certificate.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidelog-secure-'));
const authority = join(folder, 'ca.pem');
const cli = cliOf(() => '');

/** A front with a Tidelog behind it that names the front as its address. */
async function open(options: Omit<FrontOptions, 'port'>): Promise<{ port: number; close(): Promise<void> }> {
  let tidelog: Tidelog | undefined;
  const front: Server = createFront({
    ...options,
    get port() {
      return tidelog!.gateway.addresses.get('PLAINTEXT')!.port;
    },
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  tidelog = await startMemoryTidelog({ 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` });
  const close = async () => {
    front.close();
    await tidelog.close();
  };
  return { port, close };
}

/** Runs a command line with these properties. */
function run(properties: Record<string, string>, args: readonly string[], input = '') {
  const path = join(folder, 'client.properties');
  writeFileSync(
    path,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  return cli([...args, '--client-config', path, '--timeout', '5s'], { input });
}

beforeAll(() => writeFileSync(authority, TEST_CERTIFICATE));
afterAll(() => rmSync(folder, { recursive: true }));

describe('TLS', () => {
  let front: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    front = await open({ tls: true });
  });
  afterAll(() => front.close());
  const ssl = (host = '127.0.0.1') => ({
    'bootstrap.servers': `${host}:${front.port}`,
    'security.protocol': 'SSL',
    'ssl.ca.location': authority,
  });

  it('carries records, in a group too', async () => {
    expect(await run(ssl(), ['produce', 'safe'], 'a\nb\n')).toEqual({ exitCode: 0, out: '', err: '' });
    expect((await run(ssl('localhost'), ['consume', 'safe', '-e'])).out).toBe('a\nb\n');
    expect((await run(ssl(), ['consume', 'safe', '-g', 'safes', '-e'])).out).toBe('a\nb\n');
  });

  it('needs an authority that is trusted', async () => {
    const { 'ssl.ca.location': _, ...without } = ssl();
    const { exitCode, err } = await run(without, ['topics', 'list']);
    expect([exitCode, err]).toEqual([1, expect.stringContaining('its certificate is not trusted: name its authority')]);
  });

  it('is told apart from none', async () => {
    const plain = { 'bootstrap.servers': `127.0.0.1:${front.port}` };
    const { exitCode, err } = await run(plain, ['topics', 'list']);
    expect([exitCode, err]).toEqual([
      1,
      expect.stringMatching(/closed the connection|did not answer as a Kafka broker/),
    ]);
  });
});

describe.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('a login with %s', (mechanism) => {
  let front: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    front = await open({ tls: true, login: { mechanism, username: 'ann', password: 'pa,s=word' } });
  });
  afterAll(() => front.close());
  const properties = (changes: Record<string, string> = {}) => ({
    'bootstrap.servers': `127.0.0.1:${front.port}`,
    'security.protocol': 'SASL_SSL',
    'ssl.ca.location': authority,
    'sasl.mechanism': mechanism,
    'sasl.username': 'ann',
    'sasl.password': 'pa,s=word',
    ...changes,
  });

  it('comes before everything, on every connection', async () => {
    expect(await run(properties(), ['produce', 'mine'], 'a\n')).toEqual({ exitCode: 0, out: '', err: '' });
    expect((await run(properties(), ['consume', 'mine', '-g', 'us', '-e'])).out).toBe('a\n');
  });

  it.each([
    ['a wrong password', { 'sasl.password': 'guess' }, 'refused the login (Authentication failed)'],
    ['another name', { 'sasl.username': 'bob' }, 'refused the login (Authentication failed)'],
    [
      'another mechanism',
      { 'sasl.mechanism': mechanism === 'PLAIN' ? 'SCRAM-SHA-256' : 'PLAIN' },
      `(it takes ${mechanism}, not`,
    ],
  ])('is refused with %s', async (_, changes, message) => {
    const { exitCode, err } = await run(properties(changes as Record<string, string>), ['topics', 'list', '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(err).error).toEqual({
      message: expect.stringContaining(message),
      name: 'SASL_AUTHENTICATION_FAILED',
    });
  });
});

it('a server that does not know the password is not talked to', async () => {
  const login = { mechanism: 'SCRAM-SHA-256', username: 'ann', password: 'secret' };
  const front = await open({ login, isImpostor: true });
  const properties = {
    'bootstrap.servers': `127.0.0.1:${front.port}`,
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': 'SCRAM-SHA-256',
    'sasl.username': 'ann',
    'sasl.password': 'secret',
  };
  const { exitCode, err } = await run(properties, ['topics', 'list']);
  await front.close();
  expect([exitCode, err]).toEqual([1, expect.stringContaining('the broker does not know the password itself')]);
});
