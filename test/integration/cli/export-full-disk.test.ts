import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Tidelog } from '../../../lib/run/start.ts';
import { temporaryFolder } from '../../support/broker-process.ts';
import { withoutSettings } from '../../support/environment.ts';
import { filesIn } from '../../support/files-in.ts';
import { programArguments } from '../../support/programs.ts';
import { have } from '../../support/tools.ts';
import { cliOf, startMemoryTidelog } from './cli-run.ts';

let tidelog: Tidelog;
const folder = temporaryFolder();
const cli = cliOf(() => tidelog.bootstrapServers);
const argsTo = (dir: string) => ['segments', 'export', 'large', dir, '--segment-bytes', '20000'];
const whole = join(folder.path, 'whole');
const wanted = () => filesIn(join(whole, 'large-0'));

const NO_SPACE = /^There is no space left for \S+ \(ENOSPC\)\. The same command goes on where this one stopped\.\n$/;

beforeAll(async () => {
  tidelog = await startMemoryTidelog();
  await cli(['topics', 'create', 'large']);
  const input = Array.from({ length: 1_000 }, (_, index) => `record ${index} ${'x'.repeat(80)}\n`).join('');
  await cli(['produce', 'large', '--batch-size', '2000'], { input });
  expect(await cli(argsTo(whole))).toMatchObject({ exitCode: 0, err: '' });
});
afterAll(async () => {
  await tidelog.close();
  folder.remove();
});
afterEach(() => vi.restoreAllMocks());

/** Writes fail with ENOSPC, in the middle of what is written, once files have taken so many bytes. */
async function fillDiskAfter(bytes: number): Promise<void> {
  const some = await open(import.meta.filename, 'r');
  const handles = Object.getPrototypeOf(some) as Pick<FileHandle, 'appendFile' | 'writeFile'>;
  await some.close();
  let left = bytes;
  for (const name of ['appendFile', 'writeFile'] as const) {
    const write = handles[name];
    vi.spyOn(handles, name).mockImplementation(async function (this: FileHandle, data) {
      const wanted = Buffer.from(data as string | Buffer);
      const taken = wanted.subarray(0, left);
      left -= taken.length;
      await write.call(this, taken);
      if (taken.length === wanted.length) return;
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
    });
  }
}

describe('segments export to a disk that is full', () => {
  it('ends in one sentence wherever that is, and goes on to the same files when there is space', async () => {
    const sizes = Object.values(wanted()).map((content) => content.length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(80_000);
    for (const bytes of [0, 10, 300, 5_000, 21_000, 50_000, total]) {
      const dir = join(folder.path, `full-${bytes}`);
      await fillDiskAfter(bytes);
      const full = await cli(argsTo(dir));
      vi.restoreAllMocks();
      expect([bytes, full.exitCode, full.err]).toEqual([bytes, 1, expect.stringMatching(NO_SPACE)]);
      expect(readdirSync(dir)).not.toContain('large-0');
      expect(await cli(argsTo(dir))).toMatchObject({ exitCode: 0, err: '' });
      expect(filesIn(join(dir, 'large-0'))).toEqual(wanted());
      expect(readdirSync(dir).sort()).toEqual(['large-0', 'large.export.json']);
      rmSync(dir, { recursive: true });
    }
  });

  const mounts = ['--map-root-user', '--mount', 'sh', '-c'];
  const canMount = spawnSync('unshare', [...mounts, 'mount -t tmpfs none /mnt']).status === 0;
  it.skipIf(!have('a file system of its own', canMount, 'Run it where unshare may mount a tmpfs.'))(
    'does so on a real one',
    async () => {
      const dir = join(folder.path, 'mounted');
      // The file system is gone with its shell: what was written is copied out of it.
      const script = `mkdir "$0"; mount -t tmpfs -o size=60k none "$0"
        "$@"; echo "code $?" >&2
        mount -o remount,size=10m "$0"
        "$@"; echo "code $?" >&2
        cp -r "$0" "$0-copy"`;
      const command = [process.execPath, ...programArguments('lib/cli/main.ts'), ...argsTo(dir)];
      const env = { ...withoutSettings(process.env), TIDELOG_BOOTSTRAP_SERVERS: tidelog.bootstrapServers };
      const { stderr } = await promisify(execFile)('unshare', [...mounts, script, dir, ...command], { env });
      const [message, ...codes] = stderr.trim().split('\n');
      expect(`${message}\n`).toMatch(NO_SPACE);
      expect(codes).toEqual(['code 1', 'code 0']);
      expect(filesIn(join(`${dir}-copy`, 'large-0'))).toEqual(wanted());
    },
  );
});
