import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const cli = cliOf(() => tidelog.bootstrapServers);
const T0 = 1_700_000_000_000;

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
  await cli(['topics', 'create', 'orders', '-p', '2', '-c', 'message.timestamp.before.max.ms=9223372036854775807']);
  const records = Array.from({ length: 20 }, (_, i) => ({ value: `v${i}`, timestamp: T0 + i * 1000, partition: 1 }));
  const input = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const produced = await cli(['produce', 'orders', '--format', 'json'], { input });
  expect(produced).toMatchObject({ exitCode: 0 });
});
afterAll(() => tidelog.close());

/** Runs a line of arguments; throws unless it exits with 0. */
async function run(line: string): Promise<string> {
  const { exitCode, out, err } = await cli(line.split(' '));
  if (exitCode !== 0) throw new Error(`tidelog ${line}: ${err}`);
  return out;
}

/** The new offset of partition 1 that a reset would give, or that it gives. */
async function reset(target: string, group = 'billing'): Promise<number> {
  const { offsets } = JSON.parse(await run(`groups reset-offsets -g ${group} -t orders:1 ${target} --json`));
  return offsets[0].newOffset;
}

async function offsetsOf(group: string): Promise<unknown[]> {
  const [described] = JSON.parse(await run(`groups describe ${group} --json`));
  return described.offsets.map(({ topic, partition, currentOffset, logEndOffset, lag }: Record<string, unknown>) => [
    topic,
    partition,
    currentOffset,
    logEndOffset,
    lag,
  ]);
}

describe('groups reset-offsets', () => {
  it('only shows what it would do, unless it is told to do it', async () => {
    const dry = await cli(['groups', 'reset-offsets', '--group', 'dry', '--topic', 'orders', '--to-latest']);
    expect(dry.err).toBe(
      'There is no group dry yet: it begins with these offsets.\nNothing was changed. With --execute it is done.\n',
    );
    expect(dry.out).toMatch(/^GROUP +TOPIC +PARTITION +CURRENT-OFFSET +NEW-OFFSET\ndry +orders +0 +- +0\n/);
    expect((await cli(['groups', 'describe', 'dry'])).exitCode).toBe(1);
    await run('groups reset-offsets --group dry --topic orders --to-latest --execute');
    expect(await offsetsOf('dry')).toEqual([
      ['orders', 0, 0, 0, 0],
      ['orders', 1, 20, 20, 0],
    ]);
  });

  it('knows all of its targets', async () => {
    await run('groups reset-offsets -g billing -t orders:1 --to-offset 7 --execute');
    expect(await reset('--to-earliest')).toBe(0);
    expect(await reset('--to-latest')).toBe(20);
    expect(await reset('--to-current')).toBe(7);
    expect(await reset('--shift-by 5')).toBe(12);
    expect(await reset('--shift-by -5')).toBe(2);
    expect(await reset(`--to-datetime ${new Date(T0 + 3_500).toISOString()}`)).toBe(4);
    expect(await reset('--to-datetime 2100-01-01T00:00:00Z')).toBe(20);
    expect(await reset('--by-duration P20000D')).toBe(0);
    expect(await reset('--by-duration PT1H')).toBe(20);
    expect(await reset('--to-current', 'without-offsets')).toBe(20);
  });

  it('says that a group is not there, and plans for it all the same', async () => {
    const line = ['groups', 'reset-offsets', '-g', 'newcomer', '-t', 'orders:1', '--to-earliest'];
    const planned = await cli(line);
    expect(planned).toEqual({
      exitCode: 0,
      out: expect.stringMatching(/newcomer +orders +1 +- +0\n/),
      err:
        'There is no group newcomer yet: it begins with these offsets.\n' +
        'Nothing was changed. With --execute it is done.\n',
    });
    expect((await cli([...line, '--execute'])).err).toMatch(/^There is no group newcomer yet/);
    expect((await cli([...line, '--execute'])).err).toBe('');
    // A group that is there has offsets of its own: with --all-topics there is nothing to plan for another one.
    const nothing = await cli(['groups', 'reset-offsets', '-g', 'nobody', '--all-topics', '--to-earliest', '--json']);
    expect([nothing.exitCode, JSON.parse(nothing.out).offsets]).toEqual([0, []]);
    expect(nothing.err).toBe('There is no group nobody yet: it begins with these offsets.\n');
  });

  it('stays within what the partition has, and says so', async () => {
    const far = await cli([
      'groups',
      'reset-offsets',
      '-g',
      'billing',
      '-t',
      'orders:1',
      '--to-offset',
      '99',
      '--json',
    ]);
    expect([JSON.parse(far.out).offsets[0].newOffset, far.err]).toEqual([
      20,
      'orders-1 has offsets 0 to 20: 20 is taken instead of 99.\n',
    ]);
  });

  it('reads back the file that it writes', async () => {
    await run('groups reset-offsets -g saved -t orders --to-offset 3 --execute');
    const csv = await run('groups reset-offsets -g saved --all-topics --to-current --export');
    expect(csv).toBe('orders,0,0\norders,1,3\n');
    const path = join(tmpdir(), `tidelog-offsets-${process.pid}.csv`);
    try {
      writeFileSync(path, csv);
      await run(`groups reset-offsets -g restored --from-file ${path} --execute`);
      expect(await offsetsOf('restored')).toEqual(await offsetsOf('saved'));
      writeFileSync(path, 'orders,zero,3\n');
      const wrong = await cli(['groups', 'reset-offsets', '-g', 'restored', '--from-file', path]);
      expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringContaining('Line 1 is no row')]);
    } finally {
      rmSync(path, { force: true });
    }
  });

  it.each([
    ['no target', '-g billing -t orders', 2, 'Give exactly one of --to-earliest'],
    ['two targets', '-g billing -t orders --to-earliest --to-latest', 2, 'Give exactly one of --to-earliest'],
    ['no group', '-t orders --to-earliest', 2, 'Give --group, or --all-groups.'],
    ['no topic', '-g billing --to-earliest', 2, 'Give --topic, or --all-topics.'],
    [
      'both --execute and --dry-run',
      '-g billing -t orders --to-earliest --execute --dry-run',
      2,
      '--execute does not go',
    ],
    ['a duration that is none', '-g billing -t orders --by-duration 1h', 2, 'such as P1DT2H3M4S'],
    ['a topic that is not there', '-g billing -t ordres --to-earliest', 1, 'Did you mean orders?'],
    ['a partition that is not there', '-g billing -t orders:7 --to-earliest', 1, 'only 0 to 1'],
    ['nothing to shift', '-g without -t orders --shift-by 1', 1, 'cannot be shifted'],
  ])('refuses %s', async (_, args, exitCode, message) => {
    const refused = await cli(['groups', 'reset-offsets', ...args.split(' ')]);
    expect([refused.exitCode, refused.err]).toEqual([exitCode, expect.stringContaining(message)]);
  });
});

describe('groups seek', () => {
  const seek = async (line: string) => {
    await run(`groups seek ${line}`);
    return (await offsetsOf(line.split(' ')[0]!)).map((row) => (row as number[]).slice(1, 3).join(':')).join(' ');
  };

  it('goes to places, and in topics that the group has offsets of when none is named', async () => {
    expect(await seek('seeker --to end -t orders')).toBe('0:0 1:20');
    expect(await seek('seeker --to start')).toBe('0:0 1:0');
    expect(await seek(`seeker --to ${T0 + 5_000} -t orders:1`)).toBe('0:0 1:5');
    expect(await seek('seeker --to -1h')).toBe('0:0 1:20');
    const dry = JSON.parse(await run('groups seek seeker --to start --dry-run --json'));
    expect([dry.executed, dry.offsets[1].newOffset]).toEqual([false, 0]);
    expect(await offsetsOf('seeker')).toContainEqual(['orders', 1, 20, 20, 0]);
  });

  it('goes to what a file says, as rpk and Kafka write it, and to where another group is', async () => {
    const path = join(tmpdir(), `tidelog-seek-${process.pid}.txt`);
    try {
      writeFileSync(path, 'orders 0 0\norders  1\t13\n');
      expect(await seek(`filed --to-file ${path}`)).toBe('0:0 1:13');
      writeFileSync(path, 'orders,1,14\n');
      expect(await seek(`filed --to-file ${path}`)).toBe('0:0 1:14');
      writeFileSync(path, 'orders 1\n');
      const wrong = await cli(['groups', 'seek', 'filed', '--to-file', path]);
      expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringContaining('Line 1 is no row')]);
    } finally {
      rmSync(path, { force: true });
    }
    expect(await seek('other --to-group filed')).toBe('0:0 1:14');
    expect(await seek('third --to-group filed -t orders:1')).toBe('1:14');
  });

  it.each([
    ['seek one', 2, 'Give exactly one of --to, --to-group and --to-file.'],
    ['seek one --to start --to-group two', 2, 'Give exactly one of'],
    ['seek one --to somewhere', 2, 'It takes start, end, or a time'],
    ['seek one --to-group nobody', 1, 'There is no group nobody'],
    ['seek one --to-file /none', 1, 'There is no file /none.'],
    ['seek one --to start -t ordres', 1, 'Did you mean orders?'],
  ])('refuses %s', async (line, exitCode, message) => {
    const refused = await cli(['groups', ...line.split(' ')]);
    expect([refused.exitCode, refused.err]).toEqual([exitCode, expect.stringContaining(message)]);
  });

  it('says that there is nothing to set', async () => {
    const { exitCode, err } = await cli(['groups', 'seek', 'empty', '--to', 'start']);
    expect([exitCode, err]).toEqual([0, expect.stringContaining('There is nothing to set: name topics with --topic')]);
  });
});

describe('groups list, describe and delete', () => {
  it('list ids, states and types', async () => {
    await run('groups reset-offsets -g listed -t orders --to-latest --execute');
    expect((await run('groups list')).split('\n')).toContain('listed');
    expect(await run('groups list --state Empty')).toMatch(/listed +Classic +Empty/);
    expect(await run('groups list --state Stable')).toBe('GROUP  TYPE  STATE\n');
  });

  it('describe all groups, and say which one is not there', async () => {
    const all = JSON.parse(await run('groups describe --all-groups --json')) as { group: string }[];
    expect(all.map(({ group }) => group)).toContain('listed');
    const { exitCode, err } = await cli(['groups', 'describe', 'nowhere']);
    expect([exitCode, err]).toEqual([
      1,
      'There is no group nowhere (GROUP_ID_NOT_FOUND). tidelog groups list shows all.\n',
    ]);
  });

  it('delete a group, and offsets of one', async () => {
    await run('groups reset-offsets -g going -t orders --to-latest --execute');
    await run('groups delete-offsets -g going -t orders:1');
    expect(await offsetsOf('going')).toEqual([['orders', 0, 0, 0, 0]]);
    expect(await run('groups delete going')).toBe('Deleted group going.\n');
    const again = await cli(['groups', 'delete', 'going']);
    expect([again.exitCode, again.err]).toEqual([1, expect.stringContaining('GROUP_ID_NOT_FOUND')]);
  });
});
