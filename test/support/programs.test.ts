import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withoutSettings } from './environment.ts';
import { programArguments } from './programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');

describe('a program of this repository', () => {
  it.each([
    ['translated by this run', process.env],
    ['as TypeScript', {}],
  ])('runs %s, and knows its package', (_, environment) => {
    const args = [...programArguments('lib/cli/main.ts', environment), '--version'];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: withoutSettings(process.env),
    });
    const { version } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(stderr).toBe('');
    expect(stdout).toContain(version);
  });

  it('was translated by this run', () => {
    expect(programArguments('lib/cli/main.ts')).toEqual([expect.stringMatching(/lib-cli-main\.mjs$/)]);
  });
});
