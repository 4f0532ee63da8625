import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../lib/cli/commands.ts';
import { completionProgram } from '../../../lib/cli/completion.ts';
import { runProgram } from '../../../lib/cli/program.ts';
import { silentIo } from './silent-io.ts';

async function scriptFor(shell: string): Promise<{ exitCode: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = silentIo({
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { exitCode: await runProgram(completionProgram(io, COMMANDS), [shell], io), out, err };
}

const have = (shell: string) => spawnSync(shell, ['--version']).error === undefined;

const folder = mkdtempSync(join(tmpdir(), 'tidelog-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The lines that a shell prints for `program`, which finds the completion script in $SCRIPT. */
async function printed(shell: 'bash' | 'zsh' | 'fish', program: string): Promise<string[]> {
  const path = join(folder, shell);
  writeFileSync(path, (await scriptFor(shell)).out);
  const args = [...(shell === 'zsh' ? ['-f'] : []), '-c', program];
  const run = spawnSync(shell, args, { encoding: 'utf8', env: { ...process.env, SCRIPT: path } });
  expect([run.status, run.stderr]).toEqual([0, '']);
  return run.stdout.split('\n').filter((line) => line !== '');
}

const typed = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

const CASES: [words: string[], expected: string[]][] = [
  [['top'], ['topics']],
  [['topics', 'add'], ['add-partitions']],
  [['topics', 'create', '--part'], ['--partitions']],
  [['produce', '-z', 'z'], ['zstd']],
  [['produce', 'topics', '--comp'], ['--compression']],
  [['cluster', '--js'], ['--json']],
  [['cluster', 'hea'], ['health']],
  [['segments', 'ex'], ['export']],
  [['cost', '--pri'], ['--prices']],
  [['segments', 'export', '--seg'], ['--segment-bytes']],
  [['dev', '--po'], ['--port']],
  [['dev', '--store', 'em'], ['embedded']],
  [['completion', 'z'], ['zsh']],
  [['topics', 'create', '--client-config', 'no-such-file'], []],
];

describe('tidelog completion', () => {
  it('knows all commands', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { exitCode, out } = await scriptFor(shell);
      expect(exitCode).toBe(0);
      for (const { name } of COMMANDS) expect([shell, name, out.includes(name)]).toEqual([shell, name, true]);
    }
  });

  it('says which shells there are', async () => {
    const { exitCode, err } = await scriptFor('tcsh');
    expect([exitCode, err]).toEqual([2, expect.stringContaining('Allowed choices are bash, zsh, fish.')]);
  });

  it.skipIf(!have('bash')).each(CASES)('proposes in bash for %j', async (words, expected) => {
    const program =
      `source "$SCRIPT"; COMP_WORDS=(tidelog ${typed(words)}); COMP_CWORD=${words.length}; ` +
      `_tidelog; printf "%s\\n" "\${COMPREPLY[@]}"`;
    expect(await printed('bash', program)).toEqual(expected);
  });

  it.skipIf(!have('fish')).each(CASES)('proposes in fish for %j', async (words, expected) => {
    const found = await printed('fish', `source $SCRIPT; complete -C'tidelog ${words.join(' ')}'`);
    expect(found.map((line) => line.split('\t')[0])).toEqual(expected);
  });

  it.skipIf(!have('zsh')).each(CASES)('proposes in zsh for %j', async (words, expected) => {
    // In the place of zsh's completion system, which takes the same and filters by what was typed.
    const program =
      `compdef() {}; _files() {}; _describe() { print -rl -- "\${(@P)2}" }; source "$SCRIPT"; ` +
      `words=(tidelog ${typed(words)}); CURRENT=${words.length + 1}; _tidelog`;
    const found = (await printed('zsh', program)).map((line) => line.split(':')[0]!);
    expect(found.filter((name) => name.startsWith(words.at(-1)!))).toEqual(expected);
  });
});
