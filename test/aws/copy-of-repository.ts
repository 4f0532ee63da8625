import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { temporaryFolder } from '../support/broker-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The files of the repository as they are now, with the packages installed: a place to build in, beside other tests. */
export function copyOfRepository(): ReturnType<typeof temporaryFolder> {
  const folder = temporaryFolder();
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT });
  for (const name of files.toString().split('\0')) {
    if (name === '' || !existsSync(join(ROOT, name))) continue;
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    cpSync(join(ROOT, name), join(folder.path, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  return folder;
}
