import { describe, expect, it, vi } from 'vitest';
import { nodeOf } from '../../../lib/cli/completion/node.ts';
import { CommandError } from '../../../lib/cli/failure.ts';
import { newProgram, runProgram } from '../../../lib/cli/program.ts';
import { addSettingFlags } from '../../../lib/cli/setting-flags.ts';
import { loadSettings, type Settings } from '../../../lib/settings/settings.ts';
import { silentIo } from './silent-io.ts';

/** The settings, or the problems of their values, or the error of the command line. */
function read(args: readonly string[]) {
  const program = newProgram('dev', '', silentIo());
  const flags = addSettingFlags(program);
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, message: error.message };
  }
  return loadSettings({ flags: flags.values });
}

function settings(args: readonly string[]): Settings {
  const outcome = read(args);
  if (!('kind' in outcome) || outcome.kind === 'invalid') throw new Error(JSON.stringify(outcome));
  return outcome.settings;
}

describe('the flags of the settings', () => {
  it.each([
    [['--num-partitons', '3'], 'There is no flag --num-partitons. Did you mean --num-partitions?'],
    [['--tidelog-lingerms', '3'], 'There is no flag --tidelog-lingerms. Did you mean --linger-ms?'],
    [['--xyzzy'], 'There is no flag --xyzzy.'],
    [['--num-partitions'], '--num-partitions needs a value: NUMBER.'],
    [['--config'], '--config needs the path of a file.'],
    [['stray'], '"stray" is not expected here.'],
    [['--allow-anonymous', 'true', 'false'], '"false" is not expected here.'],
  ])('refuse %j', (args, message) => {
    expect(read(args)).toEqual({ exitCode: 2, message: `${message} tidelog dev --help lists all flags.` });
  });

  it('take booleans alone, with = and with a word behind', () => {
    expect(settings(['--allow-anonymous']).allowAnonymous).toBe(true);
    expect(settings(['--allow-anonymous=false']).allowAnonymous).toBe(false);
    expect(settings(['--auto-create-topics-enable', 'false', '--node-id', '3'])).toMatchObject({
      autoCreateTopicsEnable: false,
      nodeId: 3,
    });
  });

  it('take values that begin with a dash, and the last of several', () => {
    expect(settings(['--log-retention-bytes', '-1', '--node-id', '1', '--node-id', '2'])).toMatchObject({
      logRetentionBytes: -1,
      nodeId: 2,
    });
  });

  it.each([['--help'], ['-h']])('know %s', async (flag) => {
    const io = silentIo({ out: vi.fn() });
    const program = newProgram('dev', '', io);
    addSettingFlags(program);
    expect(await runProgram(program, ['--node-id', '1', flag], io)).toBe(0);
    expect(io.out).toHaveBeenCalledWith(expect.stringContaining('Usage: tidelog dev'));
  });
});

it('has the names that only help texts leave out', () => {
  expect(settings(['--tidelog-linger-ms', '7', '--broker-id=3'])).toMatchObject({ lingerMs: 7, nodeId: 3 });
  const program = newProgram('dev', '', silentIo());
  addSettingFlags(program);
  const shown = nodeOf(program, 'dev', '').flags.flatMap(({ names }) => names);
  expect(shown).toContain('--linger-ms');
  expect(shown).not.toContain('--tidelog-linger-ms');
  expect(shown).not.toContain('--broker-id');
});
