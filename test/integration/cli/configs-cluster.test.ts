import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'broker.id': '7' });
  await cli(['topics', 'create', 'orders', '-c', 'retention.ms=1000']);
});
afterAll(() => tidelog.close());

describe('configs', () => {
  it('shows what is set for a topic, and with --all the defaults', async () => {
    const set = await cli(['configs', 'describe', '--topic', 'orders']);
    expect([set.exitCode, set.out]).toEqual([
      0,
      expect.stringMatching(/^NAME +VALUE +SOURCE\nretention.ms +1000 +topic\n$/),
    ]);
    const all = JSON.parse((await cli(['configs', 'describe', '-t', 'orders', '--all', '--json'])).out);
    const policy = all.find(({ name }: { name: string }) => name === 'cleanup.policy');
    expect(policy).toMatchObject({ value: 'delete', default: true });
  });

  it('sets and deletes configs of a topic', async () => {
    await cli(['topics', 'create', 'changed', '-c', 'retention.ms=1000']);
    const args = ['configs', 'alter', '-t', 'changed', '--set', 'max.message.bytes=2000', '--delete', 'retention.ms'];
    expect(await cli(args)).toEqual({ exitCode: 0, out: 'Changed the configs of topic changed.\n', err: '' });
    const entries = JSON.parse((await cli(['configs', 'describe', '-t', 'changed', '--json'])).out);
    expect(entries).toMatchObject([{ name: 'max.message.bytes', value: '2000', source: 'topic' }]);
  });

  it("gives the broker's reason for a wrong value", async () => {
    const { exitCode, err } = await cli(['configs', 'alter', '-t', 'orders', '--set', 'retention.ms=soon', '--json']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(err).error).toMatchObject({
      name: 'INVALID_CONFIG',
      message: expect.stringContaining('retention.ms'),
    });
  });

  it('shows the configs of a broker', async () => {
    const id = JSON.parse((await cli(['cluster', '--json'])).out).nodes[0].id;
    const { exitCode, out } = await cli(['configs', 'describe', '--broker', String(id), '--all', '--json']);
    expect([exitCode, JSON.parse(out).length]).toEqual([0, expect.any(Number)]);
    expect(JSON.parse(out).map(({ name }: { name: string }) => name)).toContain('num.partitions');
    const missing = await cli(['configs', 'describe', '--broker', '99']);
    expect([missing.exitCode, missing.err]).toEqual([1, `There is no broker 99; there is ${id}.\n`]);
  });

  it('wants one target', async () => {
    expect(await cli(['configs', 'describe'])).toMatchObject({
      exitCode: 2,
      err: 'Give either --topic NAME or --broker ID.\n',
    });
    expect((await cli(['configs', 'describe', '-t', 'odrers'])).err).toContain('Did you mean orders?');
  });
});

describe('cluster', () => {
  it('shows id, nodes and versions', async () => {
    const description = JSON.parse((await cli(['cluster', '--json'])).out);
    expect(description.clusterId).toBe(tidelog.clusterId);
    const [{ host, port }] = description.nodes;
    expect(`${host}:${port}`).toBe(tidelog.bootstrapServers);
    expect(description.apis[0]).toEqual({ key: 0, name: 'Produce', min: 0, max: 13 });
    const { out } = await cli(['cluster']);
    expect(out).toContain(`Cluster     ${tidelog.clusterId}\n`);
    expect(out).toMatch(/^ +18 {2}ApiVersions +0-4 +0-4$/m);
  });

  it('takes describe by its name too', async () => {
    expect((await cli(['cluster', 'describe', '--json'])).out).toBe((await cli(['cluster', '--json'])).out);
    const wrong = await cli(['cluster', '--jsn']);
    expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringContaining('Did you mean --json?')]);
  });

  it('tells that it is well', async () => {
    const { exitCode, out, err } = await cli(['cluster', 'health']);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toMatch(/^Healthy +yes\nController +7\nNodes +7\nNodes that do not answer +none\n/);
    expect(JSON.parse((await cli(['cluster', 'health', '--json'])).out)).toEqual({
      healthy: true,
      controller: 7,
      nodes: [7],
      nodesDown: [],
      leaderless: [],
      underReplicated: [],
    });
  });

  it('fails when a node does not answer', async () => {
    const lost = await startMemoryTidelog({ 'advertised.listeners': 'PLAINTEXT://127.0.0.1:1', 'broker.id': '3' });
    const { port } = lost.gateway.addresses.get('PLAINTEXT')!;
    const { exitCode, out, err } = await cli(['cluster', 'health', '-b', `127.0.0.1:${port}`]);
    await lost.close();
    expect([exitCode, err]).toEqual([1, 'The cluster is not healthy: 1 node without an answer.\n']);
    expect(out).toMatch(/^Healthy +no\n[\s\S]*Nodes that do not answer +3\n/);
  });
});
