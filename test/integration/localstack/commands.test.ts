import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../localstack/run-program.ts';
import { temporaryFolder } from '../../support/broker-process.ts';
import { programArguments } from '../../support/programs.ts';
import { fakeDocker } from './fake-docker.ts';

/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:9';

let folder: ReturnType<typeof temporaryFolder>;
let server: Server;
let port: number;

beforeEach(async () => {
  folder = temporaryFolder();
  writeFileSync(join(folder.path, 'package.json'), '{"name": "app"}');
  server = createServer((_, answer) => answer.end('{"hello": "world"}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as { port: number });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  folder.remove();
});

/** Runs the command in a project of its own, with no programs to be found but those in `path`. */
async function run(args: readonly string[], { path = '', url }: { path?: string; url?: string } = {}) {
  const env = { PATH: path, ...(url !== undefined && { AWS_ENDPOINT_URL: url }) };
  return runProgram(process.execPath, [...programArguments('localstack/main.ts'), ...args], { cwd: folder.path, env });
}

/** A folder with a python3 that is new enough, and does nothing. */
function fakePython(): string {
  const bin = join(folder.path, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'python3'), '#!/bin/sh\necho 3 11\n', { mode: 0o755 });
  return bin;
}

function rememberedEndpoint(): string {
  return join(folder.path, 'node_modules/.cache/tidelog-localstack/up.json');
}

describe('up', () => {
  it('says what is missing where there is neither Docker nor Python', async () => {
    const { code, output } = await run(['up']);
    expect(output).toMatch(
      /^Neither a Docker engine \(for LocalStack\) nor Python 3\.10 or newer .* AWS_ENDPOINT_URL\.\n$/,
    );
    expect(code).toBe(1);
    expect(existsSync(rememberedEndpoint())).toBe(false);
  });

  it('does not take a Python that is too old', async () => {
    const path = fakePython();
    writeFileSync(join(path, 'python3'), '#!/bin/sh\necho 3 9\n');
    expect(await run(['up'], { path })).toMatchObject({ code: 1, output: expect.stringMatching(/^Neither/) });
  });

  it('says that Docker does not run where LocalStack is asked for', async () => {
    const { code, output } = await run(['up', '--use', 'localstack'], { path: fakePython() });
    expect(output).toMatch(/^LocalStack needs a Docker engine that runs/);
    expect(code).toBe(1);
  });

  it('says that the port is taken', async () => {
    const { code, output } = await run(['up', '--port', String(port)], { path: fakePython() });
    expect(output).toBe(
      `Port ${port} is taken by another program: choose another one with --port, or 0 for any free one.\n`,
    );
    expect(code).toBe(1);
  });

  it('says why no virtual environment can be made', async () => {
    const path = fakePython();
    writeFileSync(join(path, 'python3'), '#!/bin/sh\n[ "$2" = venv ] && { echo no ensurepip; exit 1; }\necho 3 12\n');
    const { code, output } = await run(['up', '--port', '0'], { path });
    expect(output).toMatch(/^python3 cannot make a virtual environment \(on Debian: .*\): no ensurepip\n$/);
    expect(code).toBe(1);
  });

  it.each([
    [DEAD, /^No LocalStack or MiniStack answers at http:\/\/127\.0\.0\.1:9\. Start it, or take AWS_ENDPOINT_URL out/],
    ['localhost', /^localhost is no endpoint: it takes a URL such as http:\/\/127\.0\.0\.1:4566\.\n$/],
  ])('checks the endpoint of AWS_ENDPOINT_URL: %s', async (url, message) => {
    expect(await run(['up'], { url })).toMatchObject({ code: 1, output: expect.stringMatching(message) });
  });

  it('does not take just any web server for an endpoint', async () => {
    const url = `http://127.0.0.1:${port}`;
    const { code, output } = await run(['up'], { url });
    expect(output).toMatch(/^No LocalStack or MiniStack answers at /);
    expect(code).toBe(1);
  });
});

describe('deploy', () => {
  it('asks for an endpoint where up did not run', async () => {
    const { code, output } = await run(['deploy']);
    expect(output).toBe('There is no endpoint to deploy to: run up first, or name one in AWS_ENDPOINT_URL.\n');
    expect(code).toBe(1);
  });

  it('says that the endpoint does not answer', async () => {
    const { code, output } = await run(['deploy'], { url: DEAD });
    expect(output).toMatch(/^No LocalStack or MiniStack answers at http:\/\/127\.0\.0\.1:9\./);
    expect(code).toBe(1);
  });
});

describe('down', () => {
  it('has nothing to end the second time', async () => {
    const nothing = { code: 0, output: 'There is no endpoint to end: none is up.\n' };
    expect(await run(['down'])).toEqual(nothing);
    expect(await run(['down'])).toEqual(nothing);
  });

  it('leaves the endpoint of AWS_ENDPOINT_URL as it is', async () => {
    const { code, output } = await run(['down'], { url: DEAD });
    expect(output).toBe(`The endpoint at ${DEAD} was not started by up, and is left as it is.\n`);
    expect(code).toBe(0);
  });

  it('ends no process that is not MiniStack', async () => {
    await run(['down']);
    const endpoint = { kind: 'ministack', url: DEAD, pid: process.pid, folder: join(folder.path, 'run') };
    writeFileSync(rememberedEndpoint(), JSON.stringify(endpoint));
    const { code, output } = await run(['down'], { path: '/usr/bin:/bin' });
    expect(output).toBe(`MiniStack at ${DEAD} has ended.\n`);
    expect(code).toBe(0);
    expect(existsSync(rememberedEndpoint())).toBe(false);
  });
});

describe('the command line', () => {
  it.each([
    [[], 'A command is missing. --help tells more.\n'],
    [['start'], 'There is no start. --help tells more.\n'],
    [['toString'], 'There is no toString. --help tells more.\n'],
    [['up', 'now'], 'up takes no now. --help tells more.\n'],
    [['up', '--fast'], "Unknown option '--fast'. --help tells more.\n"],
    [['down', '--port', '1'], 'down takes no --port. --help tells more.\n'],
    [['up', '--port', '4566x'], '--port takes 0 to 65535, not 4566x. --help tells more.\n'],
    [['up', '--use', 'floci'], '--use takes localstack, ministack, not floci. --help tells more.\n'],
    [['deploy', '--api', 'grpc'], '--api takes http, rest, url, not grpc. --help tells more.\n'],
  ])('refuses %j', async (args, output) => {
    expect(await run(args)).toEqual({ code: 2, output });
  });

  it('explains itself', async () => {
    const { code, output } = await run(['--help']);
    expect(output).toContain('brings an endpoint up');
    expect(code).toBe(0);
  });
});

describe('with Docker', () => {
  it('brings LocalStack up by compose.yaml, once, and ends it', async () => {
    const docker = fakeDocker(folder.path);
    const path = docker.folder;
    const up = await run(['up', '--port', '0'], { path });
    expect(up.output).toMatch(
      /^LocalStack is up at http:\/\/127\.0\.0\.1:\d+\. For programs: export AWS_ENDPOINT_URL=/,
    );
    expect(up.code).toBe(0);
    const { url } = JSON.parse(readFileSync(rememberedEndpoint(), 'utf8'));
    expect(await run(['up'], { path })).toEqual({ code: 0, output: `LocalStack is up already at ${url}.\n` });
    expect(await run(['down'], { path })).toEqual({ code: 0, output: `LocalStack at ${url} has ended.\n` });
    const composed = docker.calls().filter((call) => call.includes('--file'));
    expect(composed.map((call) => [call[2]!.slice(-'localstack/compose.yaml'.length), ...call.slice(3)])).toEqual([
      ['localstack/compose.yaml', 'up', '--detach'],
      ['localstack/compose.yaml', 'down', '--volumes'],
    ]);
  });
});
