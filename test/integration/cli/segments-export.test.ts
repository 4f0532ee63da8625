import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitBatches } from '../../../lib/records/batch.ts';
import type { Tidelog } from '../../../lib/run/start.ts';
import { SegmentFileWriter } from '../../../lib/segments/files/file-writer.ts';
import { temporaryFolder } from '../../support/broker-process.ts';
import { filesIn } from '../../support/files-in.ts';
import { freePort } from '../../support/free-ports.ts';
import { MemoryFolder } from '../../unit/segments/files/memory-folder.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const folder = temporaryFolder();
const cli = cliOf(() => tidelog.bootstrapServers);
const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => `record ${index} ${'x'.repeat(80)}\n`).join('');

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
});
afterAll(async () => {
  await tidelog.close();
  folder.remove();
});

async function filled(topic: string, partitions = 1): Promise<void> {
  await cli(['topics', 'create', topic, '-p', String(partitions)]);
  for (let index = 0; index < partitions; index++) {
    for (let round = 0; round < 4; round++) {
      const args = ['produce', topic, '--partition', String(index), '--batch-size', '1000'];
      expect(await cli(args, { input: lines(40) })).toMatchObject({ exitCode: 0 });
    }
  }
}

const exported = (topic: string, dir: string, ...more: string[]) =>
  cli(['segments', 'export', topic, dir, '--segment-bytes', '5000', ...more]);

describe('segments export', () => {
  it('writes the records and the indexes that the writer makes of them', async () => {
    await filled('orders', 2);
    const dir = join(folder.path, 'orders');
    expect(await exported('orders', dir)).toMatchObject({ exitCode: 0, err: '' });
    expect(readdirSync(dir).sort()).toEqual(['orders-0', 'orders-1', 'orders.export.json']);
    const files = filesIn(join(dir, 'orders-1'));
    const logs = Object.keys(files).filter((name) => name.endsWith('.log'));
    expect(logs.length).toBeGreaterThan(2);
    const bytes = Buffer.from(logs.map((name) => files[name]).join(''), 'latin1');
    const batches = splitBatches(bytes);
    expect(batches.reduce((sum, { header }) => sum + header.recordCount, 0)).toBe(160);
    const memory = new MemoryFolder();
    const writer = new SegmentFileWriter(memory, 0, { segmentBytes: 5000 });
    await writer.append(batches);
    await writer.finish();
    for (const [name, content] of memory.files) expect([name, files[name]]).toEqual([name, content.toString('latin1')]);
    const [{ id }] = JSON.parse((await cli(['topics', 'describe', 'orders', '--json'])).out);
    expect(files['partition.metadata']).toBe(`version: 0\ntopic_id: ${id}`);
    expect(files['leader-epoch-checkpoint']).toMatch(/^0\n1\n\d+ 0\n$/);
    const again = JSON.parse((await exported('orders', dir, '--json')).out);
    expect(again).toMatchObject({ folders: ['orders-0', 'orders-1'], copied: 0, bytes: 0 });
  });

  it('goes on after a cut at any place, to the same files, without what came later', async () => {
    await filled('cut');
    const whole = join(folder.path, 'whole');
    await exported('cut', whole);
    const wanted = filesIn(join(whole, 'cut-0'));
    const logs = Object.keys(wanted).filter((name) => name.endsWith('.log'));
    await cli(['produce', 'cut'], { input: 'later\n' });
    for (const [at, last] of logs.entries()) {
      for (const left of [0, 10, 1500, wanted[last]!.length]) {
        const dir = join(folder.path, `cut-${at}-${left}`);
        mkdirSync(join(dir, 'cut-0.partial'), { recursive: true });
        writeFileSync(join(dir, 'cut.export.json'), readFileSync(join(whole, 'cut.export.json')));
        for (const [name, content] of Object.entries(wanted)) {
          const digits = last.slice(0, 20);
          if (name.slice(0, 20) < digits || name === last) {
            writeFileSync(join(dir, 'cut-0.partial', name), content, 'latin1');
          }
        }
        if (wanted[last]!.length > left) truncateSync(join(dir, 'cut-0.partial', last), left);
        const run = await exported('cut', dir, '--json');
        expect(run).toMatchObject({ exitCode: 0, err: '' });
        if (at > 0) expect(JSON.parse(run.out).records).toBeLessThan(160);
        expect(filesIn(join(dir, 'cut-0'))).toEqual(wanted);
        expect(existsSync(join(dir, 'cut-0.partial'))).toBe(false);
      }
    }
  });

  it('begins with the batch that holds the log start, and says where that is', async () => {
    await filled('middle');
    const dir = join(folder.path, 'middle');
    await cli(['topics', 'delete-records', 'middle', '--before-offset', '3']);
    expect(await exported('middle', dir)).toMatchObject({ exitCode: 0 });
    expect(readdirSync(join(dir, 'middle-0'))).toContain('00000000000000000000.log');
    expect(readFileSync(join(dir, 'log-start-offset-checkpoint'), 'utf8')).toBe('0\n1\nmiddle 0 3\n');
  });

  it('writes an empty segment for an empty partition, and only the partitions that are named', async () => {
    await cli(['topics', 'create', 'empty', '-p', '4']);
    const dir = join(folder.path, 'empty');
    expect(await exported('empty', dir, '--partitions', '0,2-3')).toMatchObject({ exitCode: 0 });
    expect(readdirSync(dir).sort()).toEqual(['empty-0', 'empty-2', 'empty-3', 'empty.export.json']);
    expect(filesIn(join(dir, 'empty-0'))['00000000000000000000.log']).toBe('');
    expect(await exported('empty', dir)).toMatchObject({ exitCode: 0 });
    expect(readdirSync(dir)).toContain('empty-1');
  });

  it('refuses what it cannot do in one sentence', async () => {
    await filled('anew');
    const dir = join(folder.path, 'anew');
    expect(await exported('ane', dir)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('Did you mean anew?'),
    });
    expect(await exported('anew', dir, '--partitions', '7')).toMatchObject({ exitCode: 1 });
    expect(await exported('anew', dir, '--partitions', 'x')).toMatchObject({ exitCode: 2 });
    expect(await exported('anew', dir)).toMatchObject({ exitCode: 0 });
    const other = await cli(['segments', 'export', 'anew', dir, '--segment-bytes', '9000']);
    expect(other).toMatchObject({ exitCode: 1, err: expect.stringContaining('--segment-bytes 5000') });
    await cli(['topics', 'delete', 'anew']);
    await cli(['topics', 'create', 'anew']);
    const anew = await exported('anew', dir);
    expect(anew).toMatchObject({ exitCode: 1, err: expect.stringContaining('deleted and created again') });
    const foreign = join(folder.path, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'letter.txt'), 'mine');
    expect(await exported('anew', foreign)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('is not empty'),
    });
    expect(readdirSync(foreign)).toEqual(['letter.txt']);
    const file = await exported('anew', join(foreign, 'letter.txt'));
    expect(file).toMatchObject({ exitCode: 1, err: expect.stringContaining('cannot be written') });
  });

  it('says without a connection that a second run goes on', async () => {
    const port = await freePort();
    const args = ['segments', 'export', 'any', join(folder.path, 'any'), '-b', `127.0.0.1:${port}`];
    const run = await cli([...args, '--timeout', '300ms']);
    expect(run).toMatchObject({ exitCode: 1, err: expect.stringContaining('The same command goes on') });
  });

  it('says where a kept file is damaged', async () => {
    await filled('damaged');
    const dir = join(folder.path, 'damaged');
    await exported('damaged', dir);
    renameSync(join(dir, 'damaged-0'), join(dir, 'damaged-0.partial'));
    appendFileSync(join(dir, 'damaged-0.partial', '00000000000000000000.log'), 'x');
    const run = await exported('damaged', dir);
    expect(run).toMatchObject({ exitCode: 1, err: expect.stringContaining('00000000000000000000.log') });
    rmSync(join(dir, 'damaged-0.partial'), { recursive: true });
    expect(await exported('damaged', dir)).toMatchObject({ exitCode: 0 });
  });
});
