import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { seeded } from '../crash/seeded.ts';
import { RawClient } from '../support/raw-client.ts';
import { makePlan } from './plan.ts';
import { type Break, TcpProxy } from './tcp-proxy.ts';

const OPTIONS = {
  gateways: 4,
  stores: 2,
  troubledMs: 60_000,
  longFreezeMs: 30_000,
  freezes: true,
  downMs: [0, 3_000],
  restMs: [1_000, 9_000],
  clientCutMs: [100, 1_000],
  storeCutMs: [200, 2_000],
} as const;

describe('a plan of troubles', () => {
  it('is the same for the same seed and another for another', () => {
    const plan = (seed: number) => JSON.stringify(makePlan(OPTIONS, seeded(seed)));
    expect(plan(1)).toBe(plan(1));
    expect(plan(1)).not.toBe(plan(2));
  });

  it('has kills, stops and cuts, one long stop, and fills its time', () => {
    const { blows, clientCuts, storeCuts } = makePlan(OPTIONS, seeded(3));
    const all = blows.flat();
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['kill', 'freeze']));
    expect(all.filter((blow) => blow.kind === 'freeze' && blow.frozenMs === OPTIONS.longFreezeMs)).toHaveLength(1);
    for (const list of blows) {
      const takes = list.map((blow) => blow.restMs + (blow.kind === 'kill' ? blow.downMs : blow.frozenMs));
      const total = takes.reduce((sum, ms) => sum + ms, 0);
      expect(total).toBeGreaterThan(OPTIONS.troubledMs - OPTIONS.restMs[1]);
      expect(total - takes.at(-1)!).toBeLessThan(OPTIONS.troubledMs);
    }
    for (const cuts of [...clientCuts, ...storeCuts]) expect(cuts.length).toBeGreaterThan(10);
  });
});

describe('the proxy', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** Answers every frame with itself, and keeps what came. */
  async function echo(): Promise<{ server: Server; port: number; received: Buffer[] }> {
    const received: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        received.push(chunk);
        if (chunk.length === 12) socket.write(chunk);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => server.close());
    return { server, port: (server.address() as { port: number }).port, received };
  }

  const FRAME = Buffer.from('askabout');

  async function connected() {
    const { port, received } = await echo();
    const proxy = await TcpProxy.start({ target: port });
    closing.push(() => proxy.close());
    const client = await RawClient.connect({ host: '127.0.0.1', port: proxy.port });
    await client.sendFrame(FRAME);
    expect(await client.receive()).toEqual(FRAME);
    received.length = 0;
    return { proxy, client, received };
  }

  it.each<[Break, { reaches: number; answer: boolean }]>([
    ['beforeRequest', { reaches: 0, answer: false }],
    ['midRequest', { reaches: 6, answer: false }],
    ['beforeAnswer', { reaches: 12, answer: false }],
    ['midAnswer', { reaches: 12, answer: false }],
    ['afterAnswer', { reaches: 12, answer: true }],
  ])('breaks a connection %s', async (how, { reaches, answer }) => {
    const { proxy, client, received } = await connected();
    proxy.breakOne(how, 0);
    expect(proxy.resets).toBe(0);
    await client.sendFrame(FRAME);
    expect(await client.receive()).toEqual(answer ? FRAME : undefined);
    expect(await client.closed).toBe('reset');
    await expect.poll(() => Buffer.concat(received).length).toBe(reaches);
    expect(proxy.resets).toBe(1);
  });

  it('breaks a connection at once, and leaves those alone for which that was taken back', async () => {
    const { proxy, client } = await connected();
    proxy.breakOne('beforeAnswer', 0);
    proxy.calm();
    await client.sendFrame(FRAME);
    expect(await client.receive()).toEqual(FRAME);
    proxy.breakOne('now', 0);
    expect(await client.closed).toBe('reset');
  });

  it('breaks the connections of what it is aimed at, and no others', async () => {
    const { port } = await echo();
    const proxy = await TcpProxy.start({ target: port, aim: 'askabout' });
    closing.push(() => proxy.close());
    const one = await RawClient.connect({ host: '127.0.0.1', port: proxy.port });
    const other = await RawClient.connect({ host: '127.0.0.1', port: proxy.port });
    proxy.breakOne('beforeAnswer', 0);
    const elsewhere = Buffer.from('elsewise');
    await one.sendFrame(elsewhere);
    expect(await one.receive()).toEqual(elsewhere);
    await other.sendFrame(FRAME);
    expect(await other.closed).toBe('reset');
    await one.sendFrame(FRAME);
    expect(await one.receive()).toEqual(FRAME);
  });

  it('resets who connects while nothing listens, and hands on what was sent before an end', async () => {
    const { server, port, received } = await echo();
    const proxy = await TcpProxy.start({ target: port });
    closing.push(() => proxy.close());
    const client = await RawClient.connect({ host: '127.0.0.1', port: proxy.port });
    await client.send(FRAME);
    client.end();
    expect(await client.closed).toBe('end');
    expect(Buffer.concat(received)).toEqual(FRAME);
    server.close();
    await once(server, 'close');
    closing.splice(0, 1);
    const refused = await RawClient.connect({ host: '127.0.0.1', port: proxy.port });
    expect(await refused.closed).toBe('reset');
  });
});
