import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { until } from '../../support/waiting.ts';
import { cliOf, type RunOptions, runCli, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);

beforeAll(async () => {
  tidelog = await startMemoryTidelog({ 'group.initial.rebalance.delay.ms': '0' });
  await cli(['topics', 'create', 'orders', '-p', '2']);
  await produce('orders', 1, 0, 20);
});
afterAll(() => tidelog.close());

async function produce(topic: string, partition: number, from: number, count: number): Promise<void> {
  const input = Array.from({ length: count }, (_, i) => `v${from + i}\n`).join('');
  expect(await cli(['produce', topic, '-p', String(partition)], { input })).toMatchObject({ exitCode: 0 });
}

/** Runs a line of arguments; throws unless it exits with 0. */
async function run(line: string): Promise<string> {
  const { exitCode, out, err } = await cli(line.split(' '));
  if (exitCode !== 0) throw new Error(`tidelog ${line}: ${err}`);
  return out;
}

const start = (line: string, options: RunOptions = {}) =>
  runCli(line.split(' '), { ...options, environment: { TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers } });

/** Topic, partition, committed offset. */
async function offsetsOf(group: string): Promise<unknown[]> {
  const [described] = JSON.parse(await run(`groups describe ${group} --json`));
  return described.offsets.map((one: Record<string, unknown>) => [one.topic, one.partition, one.currentOffset]);
}

describe('consume --group', () => {
  it('goes on where the group has been', async () => {
    const part = () => run('consume orders --group readers --from-beginning -n 5');
    expect(await part()).toBe('v0\nv1\nv2\nv3\nv4\n');
    expect(await part()).toBe('v5\nv6\nv7\nv8\nv9\n');
    // Kafka's console consumer too commits 0 for a partition that has nothing.
    expect(await offsetsOf('readers')).toEqual([
      ['orders', 0, 0],
      ['orders', 1, 10],
    ]);
  });

  it('is a member while it runs, and commits when it is stopped', async () => {
    const reader = start('consume orders --group watchers --from-beginning');
    await until(() => reader.out().toString().endsWith('v19\n'));
    expect(await run('groups describe watchers --state')).toMatch(/watchers +Classic +\d+ +range +Stable +1/);
    expect(await run('groups describe watchers --members --verbose')).toContain('orders(0,1)');
    const refused = await cli(['groups', 'reset-offsets', '-g', 'watchers', '-t', 'orders', '--to-earliest']);
    expect([refused.exitCode, refused.err]).toEqual([1, expect.stringContaining('(NON_EMPTY_GROUP)')]);
    reader.interrupt();
    expect(await reader.exitCode).toBe(0);
    expect(await offsetsOf('watchers')).toContainEqual(['orders', 1, 20]);
    expect(await run('groups list --state Empty')).toContain('watchers');
  });

  it('leaves partitions and offsets to the group', async () => {
    const { exitCode, err } = await cli(['consume', 'orders', '--group', 'readers', '-p', '1']);
    expect([exitCode, err]).toEqual([2, expect.stringContaining('--group goes with none of')]);
  });

  it('begins at the end unless told otherwise, and that is where the group is then', async () => {
    const reader = start('consume orders --group late');
    await until(async () => (await cli(['groups', 'describe', 'late', '--state'])).out.includes('Stable'));
    reader.interrupt();
    expect([await reader.exitCode, reader.out().toString()]).toEqual([0, '']);
    expect(await offsetsOf('late')).toContainEqual(['orders', 1, 20]);
  });
});

describe('consume --group --until-end', () => {
  it('catches up, commits and exits', async () => {
    await run('topics create catch -p 3');
    await produce('catch', 0, 0, 3);
    await produce('catch', 2, 10, 2);
    const lines = async () => (await run('consume catch --group catchers --until-end')).split('\n').sort().join(' ');
    expect(await lines()).toBe(' v0 v1 v10 v11 v2');
    expect(await offsetsOf('catchers')).toEqual([
      ['catch', 0, 3],
      ['catch', 1, 0],
      ['catch', 2, 2],
    ]);
    expect(await lines()).toBe('');
    await produce('catch', 1, 20, 1);
    expect(await lines()).toBe(' v20');
    expect(await run('groups describe catchers --state')).toMatch(/Empty +0\n/);
  });

  it('reads several topics, and leaves what another member has to that one', async () => {
    await run('topics create shared-a -p 2');
    await run('topics create shared-b -p 1');
    for (const partition of [0, 1]) await produce('shared-a', partition, partition * 10, 2);
    await produce('shared-b', 0, 50, 1);
    const other = start('consume shared-a shared-b --group sharers --from-beginning');
    await until(() => other.out().toString().split('\n').length === 6);
    await produce('shared-a', 0, 2, 1);
    await produce('shared-a', 1, 12, 1);
    const both = await run('consume ^shared- --group sharers --until-end');
    other.interrupt();
    expect(await other.exitCode).toBe(0);
    const printed = `${other.out()}${both}`.split('\n').filter((line) => line !== '');
    expect([...new Set(printed)].sort()).toEqual(['v0', 'v1', 'v10', 'v11', 'v12', 'v2', 'v50']);
    expect(await offsetsOf('sharers')).toEqual([
      ['shared-a', 0, 3],
      ['shared-a', 1, 3],
      ['shared-b', 0, 1],
    ]);
  });
});

describe('consume --group whose reader goes away', () => {
  it('ends, and commits nothing that may have been left in the pipe', async () => {
    await run('topics create long -p 1');
    const line = `${'x'.repeat(99)}\n`;
    await cli(['produce', 'long'], { input: line.repeat(20_000) });
    const gone = new AbortController();
    let pieces = 0;
    const reader = start('consume long --group leavers --from-beginning', {
      outGone: gone.signal,
      onOut: () => {
        if (++pieces === 4) gone.abort();
      },
    });
    expect([await reader.exitCode, reader.err()]).toEqual([0, '']);
    const [[, , committed]] = (await offsetsOf('leavers')) as [[string, number, number]];
    // Three pieces were accepted, of which the last 64 KiB may be unread; the fourth was refused.
    const accepted = reader.out().length / line.length;
    expect(committed).toBeGreaterThan(0);
    expect(committed).toBeLessThanOrEqual(accepted - (64 * 1024) / line.length);
    const rest = await run('consume long --group leavers --until-end');
    expect(rest.length / line.length).toBe(20_000 - committed);
  });
});
