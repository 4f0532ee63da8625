import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { Endpoint } from '../../localstack/index.ts';
import { isMinistack } from '../../localstack/ministack.ts';
import { MINISTACK_VERSION } from '../../localstack/python.ts';
import { runProgram } from '../../localstack/run-program.ts';
import { workFolder } from '../../localstack/work-folder.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { scaled } from '../support/machine.ts';

const LOCALSTACK = resolve(import.meta.dirname, '../../localstack');
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const GONE_WITHIN = { timeout: scaled(10_000), interval: 100 };

type Ministack = Extract<Endpoint, { kind: 'ministack' }>;

/** With the endpoint of whoever runs the tests, nothing is started. */
describe.skipIf(inject('endpoint')?.kind !== 'ministack')('a MiniStack that was started', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let cache: string;

  /** A project of its own, with the virtual environment that is there. */
  beforeEach(() => {
    folder = temporaryFolder();
    writeFileSync(join(folder.path, 'package.json'), '{"name": "app", "type": "module"}');
    cache = join(folder.path, 'node_modules/.cache/tidelog-localstack');
    mkdirSync(cache, { recursive: true });
    const environment = `ministack-${MINISTACK_VERSION}`;
    symlinkSync(join(workFolder(), environment), join(cache, environment));
  });

  afterEach(() => folder.remove());

  const command = (...args: string[]) =>
    runProgram(process.execPath, ['--import', TSX, join(LOCALSTACK, 'main.ts'), ...args], { cwd: folder.path });

  it('by up outlives it, is not started twice, and is ended by down', async () => {
    const up = await command('up', '--use', 'ministack', '--port', '0');
    expect(up).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^MiniStack is up at http:\/\/127\.0\.0\.1:\d+\. /),
    });
    const { url, pid, folder: run } = JSON.parse(readFileSync(join(cache, 'up.json'), 'utf8')) as Ministack;
    expect(await isMinistack(pid)).toBe(true);
    expect(await command('up', '--use', 'ministack')).toEqual({
      code: 0,
      output: `MiniStack is up already at ${url}.\n`,
    });
    expect(await command('down')).toEqual({ code: 0, output: `MiniStack at ${url} has ended.\n` });
    expect(await isMinistack(pid)).toBe(false);
    expect(existsSync(run)).toBe(false);
    expect(await command('down')).toMatchObject({ code: 0, output: 'There is no endpoint to end: none is up.\n' });
  });

  it('by a program ends with it, even if it is killed', async () => {
    const index = pathToFileURL(join(LOCALSTACK, 'index.ts')).href;
    const program = join(folder.path, 'program.js');
    writeFileSync(
      program,
      `import { startEndpoint } from '${index}';
       console.log(JSON.stringify(await startEndpoint({ use: 'ministack' })));
       setInterval(() => {}, 1_000);`,
    );
    const child = spawn(process.execPath, ['--import', TSX, program], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { pid } = JSON.parse(line) as Ministack;
    expect(await isMinistack(pid)).toBe(true);
    child.kill('SIGKILL');
    await vi.waitFor(async () => expect(await isMinistack(pid)).toBe(false), GONE_WITHIN);
  });
});
