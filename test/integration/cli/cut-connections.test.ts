import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { temporaryFolder } from '../../support/broker-process.ts';
import { filesIn } from '../../support/files-in.ts';
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

describe('segments export', () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());
  /** More than one answer to a Fetch takes. */
  const RECORDS = 12_000;
  const input = Array.from({ length: RECORDS }, (_, index) => `line ${index} ${'x'.repeat(1_000)}\n`).join('');
  const exported = (name: string, ...more: string[]) => {
    const args = ['segments', 'export', 'cut-export', join(folder.path, name), '--segment-bytes', '1000000'];
    return cli([...args, '--json', ...more]);
  };
  const wanted = () => filesIn(join(folder.path, 'whole', 'cut-export-0'));

  beforeAll(async () => {
    await cli(['topics', 'create', 'cut-export']);
    await cli(['produce', 'cut-export', '--batch-size', '100000'], { input });
    expect(await exported('whole')).toMatchObject({ exitCode: 0, err: '' });
    expect(Object.keys(wanted()).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(10);
  });

  it('writes the same files when answers are cut off', async () => {
    cutEvery(5_000_000, 3, false);
    const run = await exported('cut');
    cutsNow = () => false;
    expect([run.exitCode, run.err, cuts]).toEqual([0, '', 3]);
    expect(JSON.parse(run.out)).toMatchObject({ copied: 1, records: RECORDS });
    expect(filesIn(join(folder.path, 'cut', 'cut-export-0'))).toEqual(wanted());
  });

  it('gives up in one sentence when the broker stays away, and goes on in a second run', async () => {
    let passed = 0;
    // The first answer with records passes, and part of the second.
    cutsNow = (towards, bytes) => {
      if (!towards) passed += bytes;
      return passed > 10_000_000;
    };
    const lost = await exported('away', '--timeout', '600ms');
    cutsNow = () => false;
    const { error } = JSON.parse(lost.err);
    expect([lost.exitCode, error.message]).toEqual([1, expect.stringContaining('The same command goes on')]);
    expect(readdirSync(join(folder.path, 'away')).sort()).toEqual(['cut-export-0.partial', 'cut-export.export.json']);
    const again = await exported('away');
    expect(again).toMatchObject({ exitCode: 0, err: '' });
    const { records } = JSON.parse(again.out);
    expect(records).toBeGreaterThan(0);
    expect(records).toBeLessThan(RECORDS / 2);
    expect(filesIn(join(folder.path, 'away', 'cut-export-0'))).toEqual(wanted());
  });
});

async function* slowInput() {
  for (let i = 0; i < 30; i++) {
    yield Buffer.from('line\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
