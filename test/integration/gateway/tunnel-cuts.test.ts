import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/core/logger.ts';
import { readVia } from '../../../lib/doors/tunnel/via.ts';
import { startTunnel, type Tunnel } from '../../../lib/run/start-tunnel.ts';
import { BREAKS, TcpProxy } from '../../chaos/tcp-proxy.ts';
import { type FunctionStandIn, STAND_IN_ENVIRONMENT, startFunctionStandIn } from '../../support/function-stand-in.ts';
import { produceTrouble } from '../../support/function-trouble.ts';
import { scaled } from '../../support/machine.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settingsOf } from '../../support/settings.ts';
import { cliOf } from '../cli/cli-run.ts';

const LINES = Array.from({ length: 8_000 }, (_, index) => `line ${index}\n`).join('');

let standIn: FunctionStandIn;
let tunnel: Tunnel;
let proxy: TcpProxy;
const cli = cliOf(() => `127.0.0.1:${proxy.port}`);

beforeAll(async () => {
  Object.assign(process.env, STAND_IN_ENVIRONMENT);
  standIn = await startFunctionStandIn({ latencyMs: 5 });
  const read = readVia(standIn.url, false);
  if (read.kind !== 'via') throw new Error(read.problem);
  let port = 0;
  // The tunnel has to know the proxy's port before it has one of its own to tell it.
  proxy = await TcpProxy.start({
    get target() {
      return port;
    },
  });
  tunnel = await startTunnel({
    settings: settingsOf({
      listeners: 'PLAINTEXT://127.0.0.1:0',
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}`,
    }),
    via: read.via,
    region: STAND_IN_ENVIRONMENT.AWS_REGION,
    logger: silentLogger,
  });
  port = tunnel.gateway.addresses.get('PLAINTEXT')!.port;
});

afterAll(async () => {
  await proxy.close();
  await tunnel.close();
  await standIn.stop();
});

it.each([1, 2])(
  'stores each record of an idempotent producer once and in order, whatever is cut on either side of the tunnel (seed %i)',
  async (seed) => {
    const topic = `cut-${seed}`;
    await cli(['topics', 'create', topic]);
    const random = seededRandom(seed);
    let faults = 0;
    const trouble = produceTrouble(random, () => {
      faults++;
    });
    let isProducing = false;
    standIn.fault = (call) => {
      isProducing ||= call.name === 'produce';
      return trouble(call);
    };
    const resetsBefore = proxy.resets;
    const timer = setInterval(() => {
      // The command line takes an address where the first connection breaks for a wrong one.
      if (isProducing) proxy.breakOne(BREAKS[Math.floor(random.next() * BREAKS.length)]!, random.next());
    }, 50);
    const { exitCode, err } = await cli(['produce', topic, '--batch-size', '2000'], { input: LINES });
    clearInterval(timer);
    proxy.calm();
    standIn.fault = undefined;
    await standIn.idle();
    expect([exitCode, err]).toEqual([0, '']);
    expect(faults).toBeGreaterThan(5);
    expect(proxy.resets - resetsBefore).toBeGreaterThan(5);
    expect((await cli(['consume', topic, '-e'])).out).toBe(LINES);
  },
  scaled(120_000),
);
