import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiKey } from '../../../lib/wire/apis.ts';
import {
  type FunctionStandIn,
  STAND_IN_ENVIRONMENT,
  STAND_IN_PREFIX,
  startFunctionStandIn,
} from '../../support/function-stand-in.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { batchOf, createTopic, produce } from '../../support/requests.ts';
import { until } from '../../support/waiting.ts';
import { addressIn, runInProcess } from './command-run.ts';

/** Nothing of this machine's own, and nobody asked on the network for a role. */
const NO_AWS = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** The command line in this process, with what it wrote and how to stop it. */
function run(args: readonly string[], environment: Record<string, string> = {}) {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, NO_AWS, environment);
  const ran = runInProcess(['gateway', ...args, '--listeners', 'PLAINTEXT://127.0.0.1:0'], environment);
  return {
    ...ran,
    async address() {
      await until(() => ran.out().includes('is ready'), `the banner; ${ran.err()}`);
      return addressIn(ran.out());
    },
    stop: () => {
      ran.signal();
      return ran.exitCode;
    },
  };
}

const before = { ...process.env };
afterAll(() => {
  process.env = before;
});

describe('tidelog gateway', () => {
  it('tells its flags, with examples', async () => {
    const { exitCode, out, err } = run(['--help']);
    expect(await exitCode).toBe(0);
    expect(out()).toContain('tidelog gateway --via https://');
    expect(out()).toContain('--journal-table NAME');
    expect(err()).toBe('');
  });

  it.each([
    [[], 'Say where the log is'],
    [['--via'], 'no address'],
    [['--via', 'https://x.example', '--direct'], 'exclude each other'],
    [['--via', 'http://x.example'], 'plain HTTP to another machine'],
    [['--via', 'https://x.example', '--num-partitions', '3'], '--num-partitions has no effect with --via'],
    [['--via', 'https://x.example', '--metric-port', '1'], 'Did you mean --metrics-port?'],
    [['--direct', '--allow-http'], '--allow-http belongs to --via'],
    [['--direct', '--store', 'memory'], '--direct is the store aws, not memory'],
    [['--direct'], 'tidelog.journal.table: the store aws needs it'],
  ])('exits with 2 on %j', async (args, message) => {
    const { exitCode, out, err } = run(args);
    expect(await exitCode).toBe(2);
    expect(out()).toBe('');
    expect(err()).toContain(message);
  });
});

describe('tidelog gateway --via', () => {
  let standIn: FunctionStandIn;

  beforeAll(async () => {
    standIn = await startFunctionStandIn();
  });

  beforeEach(() => {
    standIn.skewMs = 0;
    standIn.fault = undefined;
    standIn.refusals.length = 0;
    standIn.calls.length = 0;
  });

  afterAll(() => standIn.stop());

  async function served(args: readonly string[], environment: Record<string, string>, topic: string): Promise<string> {
    const gateway = run(args, environment);
    const client = await TcpClient.connect(await gateway.address());
    await createTopic(client, topic);
    expect(await produce(client, { name: topic, id: '' }, batchOf(['v']))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    client.close();
    expect(await gateway.stop()).toBe(0);
    return gateway.out();
  }

  it('serves, says so, and stops', async () => {
    // What the environment says of a store is not the tunnel's.
    const out = await served(['--via', standIn.url], { ...STAND_IN_ENVIRONMENT, TIDELOG_STORE: 'aws' }, 'by-http');
    expect(out).toContain(`Via    ${new URL(standIn.url).origin}`);
    expect(standIn.refusals).toEqual([]);
  });

  it('calls functions by Invoke', async () => {
    const endpoint = { AWS_ENDPOINT_URL_LAMBDA: new URL(standIn.url).origin };
    const environment = { ...STAND_IN_ENVIRONMENT, ...endpoint };
    const out = await served(['--via', `lambda:${STAND_IN_PREFIX}`], environment, 'by-invoke');
    expect(out).toContain('Via    Lambda standin-*');
    expect(standIn.refusals).toEqual([]);
  });

  it.each(['http', 'lambda'])('signs by the time of the service where its own clock is wrong (%s)', async (kind) => {
    standIn.skewMs = 20 * 60 * 1000;
    const environment = { ...STAND_IN_ENVIRONMENT, AWS_ENDPOINT_URL_LAMBDA: new URL(standIn.url).origin };
    const via = kind === 'http' ? standIn.url : `lambda:${STAND_IN_PREFIX}`;
    await served(['--via', via], environment, `skewed-${kind}`);
    // Once for each of the four functions that are called at the start, side by side.
    expect(standIn.refusals.length).toBeGreaterThan(0);
    expect(standIn.refusals.length).toBeLessThanOrEqual(4);
    expect(standIn.refusals[0]).toContain('Signature expired');
  });

  async function refused(via: string, environment: Record<string, string>): Promise<string> {
    const { exitCode, out, err } = run(['--via', via], environment);
    expect(await exitCode).toBe(1);
    expect(out()).toBe('');
    return err();
  }

  it('without credentials', async () => {
    expect(await refused(standIn.url, {})).toContain('There are no AWS credentials');
    expect(standIn.calls).toEqual([]);
  });

  it('with a profile that is not there', async () => {
    const err = await refused(standIn.url, { AWS_PROFILE: 'nobody', AWS_REGION: 'eu-test-1' });
    expect(err).toContain('There are no AWS credentials in the profile nobody');
  });

  it('with credentials that are not taken', async () => {
    const err = await refused(standIn.url, { ...STAND_IN_ENVIRONMENT, AWS_ACCESS_KEY_ID: 'AKIDSTRANGER' });
    expect(err).toContain('The credentials may not call POST http://127.0.0.1');
    expect(err).toContain('The security token included in the request is invalid');
    expect(err).toContain('They need execute-api:Invoke');
  });

  it('with a secret that is wrong', async () => {
    const err = await refused(standIn.url, { ...STAND_IN_ENVIRONMENT, AWS_SECRET_ACCESS_KEY: 'wrong' });
    expect(err).toContain('signature we calculated does not match');
  });

  it('with another region', async () => {
    const err = await refused(standIn.url, { ...STAND_IN_ENVIRONMENT, AWS_REGION: 'us-test-9' });
    expect(err).toContain('Credential should be scoped to eu-test-1');
  });

  it('without a region, for a host that does not tell it', async () => {
    const { AWS_REGION: _, ...environment } = STAND_IN_ENVIRONMENT;
    expect(await refused('https://log.example', environment)).toContain('The AWS region of log.example is not known');
    expect(await refused('lambda:x', environment)).toContain('The AWS region of Lambda is not known');
  });

  it('with an address where there is nothing, or something else', async () => {
    const nowhere = await refused(`${standIn.url}/deeper`, STAND_IN_ENVIRONMENT);
    expect(nowhere).toContain('There is no Tidelog at');
    expect(nowhere).toContain('404');
    expect(await refused('http://127.0.0.1:1', STAND_IN_ENVIRONMENT)).toMatch(/cannot be reached: .*ECONNREFUSED/);
    expect(await refused('https://no-such-host.invalid', STAND_IN_ENVIRONMENT)).toMatch(
      /cannot be reached: .*no-such-host/,
    );
  });

  it('with functions that are not there', async () => {
    const environment = { ...STAND_IN_ENVIRONMENT, AWS_ENDPOINT_URL_LAMBDA: new URL(standIn.url).origin };
    expect(await refused('lambda:other', environment)).toContain('There is no Tidelog at the function other-produce');
  });

  it.each([
    ['admin', 1],
    ['coordinate', 0],
  ])('with credentials that may not call %s', async (forbidden, code) => {
    standIn.fault = ({ name }) =>
      name === forbidden ? { kind: 'status', status: 403, body: '{"message":"Forbidden"}' } : undefined;
    const gateway = run(['--via', standIn.url], STAND_IN_ENVIRONMENT);
    if (code === 0) {
      await gateway.address();
      expect(gateway.out()).toContain('Without  coordinate: the credentials may not call it');
      await gateway.stop();
    }
    expect(await gateway.exitCode).toBe(code);
    expect(gateway.err()).toContain(`/kafka/${forbidden}`);
    expect(gateway.err()).toContain('They need execute-api:Invoke');
  });

  it('warns of a proxy that it does not use', async () => {
    const gateway = run(['--via', standIn.url], { ...STAND_IN_ENVIRONMENT, HTTPS_PROXY: 'http://127.0.0.1:1' });
    await gateway.address();
    expect(gateway.err()).toContain('proxy_ignored');
    expect(await gateway.stop()).toBe(0);
  });

  it('lets a client connect while functions fail, and closes what they would have to answer', async () => {
    const gateway = run(['--via', standIn.url], STAND_IN_ENVIRONMENT);
    const client = await TcpClient.connect(await gateway.address());
    standIn.fault = () => ({ kind: 'status', status: 403, body: '{"message":"Forbidden"}' });
    const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };
    expect(await client.ask(ApiKey.ApiVersions, 3, software)).toMatchObject({ errorCode: 0 });
    expect(await client.tell(ApiKey.Metadata, 9, { topics: null })).toMatchObject({ kind: 'closed' });
    expect(gateway.err()).toContain('function_call_failed');
    expect(await gateway.stop()).toBe(0);
  });
});

describe('the metrics of a tunnel', () => {
  it('count calls of functions, and tell whether these answer', async () => {
    const standIn = await startFunctionStandIn();
    const gateway = run(['--via', standIn.url, '--metrics-port', '0'], STAND_IN_ENVIRONMENT);
    const client = await TcpClient.connect(await gateway.address());
    const [, base] = /Metrics +(\S+)\/metrics/.exec(gateway.out())!;
    const health = async () => {
      const response = await fetch(`${base}/healthz`);
      return [response.status, ((await response.json()) as { status: string }).status];
    };
    await createTopic(client, 'counted');
    expect(await health()).toEqual([200, 'ok']);
    const text = await (await fetch(`${base}/metrics`)).text();
    // One at the start, and the creation.
    expect(text).toContain('tidelog_function_calls_total{function="admin",outcome="answered"} 2');
    expect(text).toContain('tidelog_function_calls_total{function="fetch",outcome="answered"} 1');
    expect(text).toContain('tidelog_connections 1');
    standIn.fault = () => ({ kind: 'status', status: 403 });
    expect(await client.tell(ApiKey.Metadata, 9, { topics: [] })).toMatchObject({ kind: 'closed' });
    expect(await health()).toEqual([503, 'unavailable']);
    standIn.fault = undefined;
    const again = await TcpClient.connect(await gateway.address());
    await again.ask(ApiKey.Metadata, 9, { topics: [] });
    expect(await health()).toEqual([200, 'ok']);
    again.close();
    expect(await gateway.stop()).toBe(0);
    await standIn.stop();
  });

  it('need a port that is free', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const standIn = await startFunctionStandIn();
    const { port } = taken.address() as AddressInfo;
    const { exitCode, err } = run(['--via', standIn.url, '--metrics-port', String(port)], STAND_IN_ENVIRONMENT);
    expect(await exitCode).toBe(1);
    expect(err()).toContain('another process has the port');
    taken.close();
    await standIn.stop();
  });
});

describe('tidelog gateway --via something that is no Tidelog', () => {
  let server: Server;
  let answer: { status: number; type: string; body: string };

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(answer.status, { 'content-type': answer.type, location: '/elsewhere' }).end(answer.body);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => server.closeAllConnections());
  afterAll(() => server.close());

  it.each([
    [{ status: 200, type: 'text/html', body: '<html>' }, 'text/html'],
    [{ status: 200, type: 'application/vnd.tidelog.frames', body: 'x' }, 'not an envelope'],
    [{ status: 302, type: 'text/html', body: '' }, 'There is no Tidelog at'],
    [{ status: 500, type: 'text/plain', body: 'broken' }, 'fails: 500: broken'],
  ])('that answers with %j', async (given, message) => {
    answer = given;
    const { port } = server.address() as AddressInfo;
    const { exitCode, err } = run(['--via', `http://127.0.0.1:${port}`], STAND_IN_ENVIRONMENT);
    expect(await exitCode).toBe(1);
    expect(err()).toContain(message);
  });
});
