import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTidelog, type Tidelog } from '../../../lib/run/start.ts';
import { temporaryFolder } from '../../support/broker-process.ts';
import { withoutSettings } from '../../support/environment.ts';
import { programArguments } from '../../support/programs.ts';
import { settingsOf } from '../../support/settings.ts';
import { cliOf, runCli } from './cli-run.ts';

let tidelog: Tidelog;
const folder = temporaryFolder();
const dataDir = join(folder.path, 'data');
const cli = cliOf(() => tidelog.bootstrapServers);

/** A command line that opens the store itself. */
async function direct(args: readonly string[]) {
  const run = runCli(args);
  return { exitCode: await run.exitCode, out: run.out().toString(), err: run.err() };
}

const imported = (dir: string, topic: string, ...more: string[]) =>
  direct(['segments', 'import', dir, topic, '--data-dir', dataDir, '--log-level', 'error', ...more]);

beforeAll(async () => {
  tidelog = await startTidelog({
    settings: settingsOf({
      'tidelog.store': 'embedded',
      'tidelog.data.dir': dataDir,
      listeners: 'PLAINTEXT://127.0.0.1:0',
    }),
    logger: { log: () => {} },
  });
});
afterAll(async () => {
  await tidelog.close();
  folder.remove();
});

const lines = (count: number, mark: string) =>
  Array.from({ length: count }, (_, index) => `${mark} ${index} ${'x'.repeat(80)}\n`).join('');

async function filled(topic: string, partitions = 1): Promise<string> {
  await cli(['topics', 'create', topic, '-p', String(partitions)]);
  for (let index = 0; index < partitions; index++) {
    for (const round of ['a', 'b', 'c']) {
      const args = ['produce', topic, '--partition', String(index), '--batch-size', '1000'];
      expect(await cli(args, { input: lines(40, `${round}${index}`) })).toMatchObject({ exitCode: 0 });
    }
  }
  return exported(topic, topic);
}

async function exported(topic: string, name: string): Promise<string> {
  const dir = join(folder.path, name);
  const run = await cli(['segments', 'export', topic, dir, '--segment-bytes', '5000']);
  expect(run).toMatchObject({ exitCode: 0, err: '' });
  return dir;
}

/** The files of a topic's folders by path, as text. The ids of topics differ. */
function filesIn(dir: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (/\.(log|index|timeindex|txnindex)$|checkpoint$/.test(name)) {
      files[name] = readFileSync(join(dir, name), 'latin1');
    }
  }
  return files;
}

describe('segments import', () => {
  it('makes the same topic again, which the running server has then', async () => {
    const dir = await filled('orders', 3);
    const before = await cli(['consume', 'orders', '--from-beginning', '--until-end', '--json']);
    await cli(['topics', 'delete', 'orders']);
    const run = await imported(dir, 'orders', '--json');
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(JSON.parse(run.out)).toMatchObject({ topic: 'orders', partitions: 3, records: 360, resumed: false });
    const after = await cli(['consume', 'orders', '--from-beginning', '--until-end', '--json']);
    expect(after.out.split('\n').sort()).toEqual(before.out.split('\n').sort());
    expect(filesIn(await exported('orders', 'again'))).toEqual(filesIn(dir));
    expect(await cli(['produce', 'orders', '--partition', '0'], { input: 'more\n' })).toMatchObject({ exitCode: 0 });
  });

  it('goes on in a second run of the process after a kill, to the same topic', { timeout: 120_000 }, async () => {
    const dir = await filled('killed', 2);
    await cli(['topics', 'delete', 'killed']);
    const args = ['segments', 'import', dir, 'killed', '--data-dir', dataDir, '--log-level', 'error', '--json'];
    let finished: string | undefined;
    // Later and later, until one run is not killed any more.
    for (let waitMs = 50; finished === undefined; waitMs += 150) {
      const child = spawn(process.execPath, [...programArguments('lib/cli/main.ts'), ...args], {
        env: withoutSettings(process.env),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        out += text;
      });
      const timer = setTimeout(() => child.kill('SIGKILL'), waitMs);
      const [code] = await once(child, 'close');
      clearTimeout(timer);
      const isThere = (await cli(['topics', 'list'])).out.split('\n').includes('killed');
      // The kill may come between the topic's name and the end.
      expect({ code, isThere }).toEqual({ code, isThere: code === 0 || isThere });
      if (isThere) finished = out;
    }
    if (finished !== '') expect(JSON.parse(finished)).toMatchObject({ topic: 'killed', records: 240 });
    expect(filesIn(await exported('killed', 'killed-again'))).toEqual(filesIn(dir));
  });

  it('starts where the log does, and keeps everything unless it is told otherwise', async () => {
    await filled('middle');
    await cli(['topics', 'delete-records', 'middle', '--before-offset', '53']);
    const dir = await exported('middle', 'middle-from-53');
    await cli(['topics', 'delete', 'middle']);
    const run = await imported(dir, 'middle', '--topic-config', 'segment.ms=60000');
    expect(run).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^Imported middle: \d+ records \(/) });
    const [described] = JSON.parse((await cli(['topics', 'describe', 'middle', '--json'])).out);
    expect(described).toMatchObject({
      configs: { 'retention.ms': '-1', 'retention.bytes': '-1', 'segment.ms': '60000' },
      partitions: [{ startOffset: 53, endOffset: 120 }],
    });
    const read = await cli(['consume', 'middle', '--from-beginning', '--until-end', '--json']);
    expect(JSON.parse(read.out.split('\n')[0]!)).toMatchObject({ offset: 53 });
    expect(filesIn(await exported('middle', 'middle-again'))).toEqual(filesIn(dir));
  });

  it('leaves out the cut off end of the last file if told to', async () => {
    const dir = await filled('torn');
    const last = readdirSync(join(dir, 'torn-0'))
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1)!;
    truncateSync(join(dir, 'torn-0', last), readFileSync(join(dir, 'torn-0', last)).length - 7);
    await cli(['topics', 'delete', 'torn']);
    const refused = await imported(dir, 'torn');
    expect(refused).toMatchObject({ exitCode: 1, err: expect.stringContaining(`file torn-0/${last}, byte `) });
    expect(refused.err).toContain('--truncate-tail');
    const run = await imported(dir, 'torn', '--truncate-tail');
    expect(run).toMatchObject({ exitCode: 0, out: expect.stringContaining(`of torn-0/${last} from byte `) });
  });

  it('tells which offsets no file has, unless the topic is compacted', async () => {
    const dir = await filled('holes');
    const names = readdirSync(join(dir, 'holes-0')).filter((name) => name.endsWith('.log'));
    const [missing, next] = names.sort().slice(1, 3) as [string, string];
    rmSync(join(dir, 'holes-0', missing));
    await cli(['topics', 'delete', 'holes']);
    const index = missing.replace('.log', '.index');
    expect(await imported(dir, 'holes')).toMatchObject({
      exitCode: 1,
      err: `holes was not imported: file holes-0/${index}, byte 0: an index of which ${missing} is missing.\n`,
    });
    for (const kind of ['index', 'timeindex']) rmSync(join(dir, 'holes-0', missing.replace('log', kind)));
    const [from, end] = [missing, next].map((name) => Number(name.slice(0, -4))) as [number, number];
    const told = `No file has the offsets ${from} to ${end - 1}, before holes-0/${next}: unless the topic was compacted, one is missing.\n`;
    const run = await imported(dir, 'holes');
    expect(run).toMatchObject({ exitCode: 0, out: expect.stringContaining(told) });
    await cli(['topics', 'delete', 'holes']);
    const compacted = await imported(dir, 'holes', '--topic-config', 'cleanup.policy=compact');
    expect(compacted).toMatchObject({ exitCode: 0, out: expect.not.stringContaining('No file') });
  });

  it('refuses what it cannot do in one sentence, and nothing becomes visible', async () => {
    const dir = await filled('whole', 3);
    const exists = await imported(dir, 'whole');
    expect(exists).toMatchObject({ exitCode: 1, err: expect.stringContaining('Delete it first') });
    await cli(['topics', 'delete', 'whole']);
    const copyOf = (name: string, change: (copy: string) => void) => {
      const copy = join(folder.path, name);
      cpSync(dir, copy, { recursive: true });
      change(copy);
      return imported(copy, 'whole');
    };
    const gap = await copyOf('gap', (copy) => {
      rmSync(join(copy, 'whole.export.json'));
      rmSync(join(copy, 'whole-1'), { recursive: true });
    });
    expect(gap).toMatchObject({ exitCode: 1, err: expect.stringContaining('has whole-2 but not whole-1') });
    const partial = await copyOf('partial', (copy) => renameSync(join(copy, 'whole-2'), join(copy, 'whole-2.partial')));
    expect(partial).toMatchObject({ exitCode: 1, err: expect.stringContaining('has not ended') });
    const starts = await copyOf('starts', (copy) =>
      writeFileSync(join(copy, 'log-start-offset-checkpoint'), '0\n1\nx\n'),
    );
    expect(starts).toMatchObject({ exitCode: 1, err: expect.stringContaining('log-start-offset-checkpoint, byte 4') });
    const none = await copyOf('none', (copy) => rmSync(join(copy, 'whole-1', '00000000000000000000.log')));
    expect(none.exitCode).toBe(0);
    const garbage = join(folder.path, 'garbage');
    mkdirSync(join(garbage, 'junk-0'), { recursive: true });
    writeFileSync(
      join(garbage, 'junk-0', '00000000000000000000.log'),
      'this is no log of Kafka but a text. '.repeat(9),
    );
    const junk = await imported(garbage, 'junk');
    expect(junk).toMatchObject({ exitCode: 1, err: expect.stringMatching(/junk-0\/0{20}\.log, byte 0: /) });
    expect(await imported(garbage, 'other')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('has no folder other-0'),
    });
    expect(await imported(join(garbage, 'gone'), 'other')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('cannot be read'),
    });
    expect(await direct(['segments', 'import', garbage, 'junk', '--store', 'memory'])).toMatchObject({ exitCode: 2 });
    expect(await direct(['segments', 'import', garbage])).toMatchObject({ exitCode: 2 });
    const topics = (await cli(['topics', 'list'])).out.split('\n');
    expect(topics).not.toContain('junk');
  });
});
