import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { programArguments } from '../support/programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');

describe('the output of tidelog consume', () => {
  const folder = temporaryFolder();
  const lines = join(folder.path, 'few.txt');
  let broker: BrokerProcess;

  beforeAll(async () => {
    writeFileSync(lines, 'one\ntwo\nthree\n');
    broker = await startBrokerProcess(join(folder.path, 'data'));
  });

  afterAll(async () => {
    await broker.stop();
    folder.remove();
  });

  const tidelog = (args: string) =>
    `${process.execPath} ${programArguments('lib/cli/main.ts').join(' ')} ${args} -b ${broker.bootstrap}; echo "exit code $?" >&2`;
  const shell = (script: string) => finished(spawn('sh', ['-c', script], { cwd: ROOT }));

  it('may lose its reader while nothing comes', async () => {
    await shell(tidelog(`produce alone ${lines}`));
    const read = await shell(`{ ${tidelog('consume alone --from-beginning')}; } | head -n 2`);
    expect(read).toEqual({ out: 'one\ntwo\n', err: 'exit code 0\n' });
  });

  it('may lose its reader in a group, which has what may be left in the pipe still before it', async () => {
    await shell(tidelog(`produce shared ${lines}`));
    const read = await shell(`{ ${tidelog('consume shared --group headers --from-beginning')}; } | head -n 2`);
    expect(read).toEqual({ out: 'one\ntwo\n', err: 'exit code 0\n' });
    const rest = await shell(tidelog('consume shared --group headers --until-end'));
    expect(rest).toEqual({ out: 'one\ntwo\nthree\n', err: 'exit code 0\n' });
    const end = await shell(tidelog('consume shared --group headers --until-end'));
    expect(end).toEqual({ out: '', err: 'exit code 0\n' });
  });

  it('is told when it cannot be written, and fails then', async () => {
    await shell(tidelog(`produce full ${lines}`));
    const { err } = await shell(`{ ${tidelog('consume full --group full --until-end')}; } > /dev/full`);
    expect(err).toMatch(/^The output cannot be written: .*ENOSPC.*\nexit code 1\n$/);
    const again = await shell(tidelog('consume full --group full --until-end'));
    expect(again.out).toBe('one\ntwo\nthree\n');
  });
});

async function finished(child: ChildProcess): Promise<{ out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout!.on('data', (piece) => {
    out += piece;
  });
  child.stderr!.on('data', (piece) => {
    err += piece;
  });
  await once(child, 'close');
  return { out, err };
}
