import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

/** Stands before the broker and cuts connections where a test says so. */
let proxy: Server;
let tidelog: Tidelog;
let cuts = 0;
/** Decides with each piece that passes, in the direction of the broker (true) or from it. */
let cutsNow: (towards: boolean, bytes: number) => boolean = () => false;
const cli = cliOf(() => tidelog.bootstrapServers);

beforeAll(async () => {
  proxy = createServer(onConnection).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  tidelog = await startMemoryTidelog({ 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` });
});
afterAll(async () => {
  await tidelog.close();
  proxy.close();
});

function onConnection(client: Socket): void {
  const broker = connect({ host: '127.0.0.1', port: tidelog.gateway.addresses.get('PLAINTEXT')!.port });
  const end = () => {
    client.destroy();
    broker.destroy();
  };
  for (const [from, to, towards] of [
    [client, broker, true],
    [broker, client, false],
  ] as const) {
    from.on('error', end).on('close', end);
    from.on('data', (piece) => {
      if (cutsNow(towards, piece.length)) {
        cuts++;
        end();
      } else to.write(piece);
    });
  }
}

/** Cuts at each multiple of `everyBytes` in one direction, `times` in all. */
function cutEvery(everyBytes: number, times: number, direction: boolean): void {
  let passed = 0;
  let left = times;
  cuts = 0;
  cutsNow = (towards, bytes) => {
    if (towards !== direction || left === 0) return false;
    passed += bytes;
    if (passed < everyBytes) return false;
    passed = 0;
    left--;
    return true;
  };
}

const LINES = Array.from({ length: 40_000 }, (_, index) => `line ${index}\n`).join('');

it.each([
  ['requests', true, 60_000],
  // More than the ApiVersions and Metadata answers together, so that a cut hits the answer to a Produce.
  ['answers', false, 600],
])('produce stores each record once and in order when %s are cut off', async (name, direction, everyBytes) => {
  await cli(['topics', 'create', `cut-${name}`]);
  cutEvery(everyBytes, 4, direction);
  const { exitCode, err } = await cli(['produce', `cut-${name}`, '--batch-size', '16000'], { input: LINES });
  cutsNow = () => false;
  expect([exitCode, err, cuts]).toEqual([0, '', 4]);
  expect((await cli(['consume', `cut-${name}`, '-e'])).out).toBe(LINES);
});

it('consume prints each record once and in order when answers are cut off', async () => {
  await cli(['topics', 'create', 'cut-reading']);
  await cli(['produce', 'cut-reading', '--batch-size', '16000'], { input: LINES });
  cutEvery(150_000, 3, false);
  const { exitCode, out, err } = await cli(['consume', 'cut-reading', '-e']);
  cutsNow = () => false;
  expect([exitCode, err, cuts]).toEqual([0, '', 3]);
  expect(out).toBe(LINES);
});

it('both give up when the broker stays away', async () => {
  await cli(['topics', 'create', 'away']);
  let connections = 0;
  // The first requests pass: the broker is lost on the way, not before.
  cutsNow = (towards) => towards && ++connections > 6;
  for (const args of [
    ['produce', 'away'],
    ['consume', 'away'],
  ]) {
    connections = 0;
    const { exitCode, err } = await cli([...args, '--timeout', '600ms'], { input: slowInput() });
    expect([exitCode, err]).toEqual([1, expect.stringMatching(/closed the connection|did not answer|No broker/)]);
  }
  cutsNow = () => false;
});

async function* slowInput() {
  for (let i = 0; i < 30; i++) {
    yield Buffer.from('line\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
