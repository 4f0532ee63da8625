import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Beside node_modules, so that the program finds its packages. */
const folder = mkdtempSync(join(ROOT, 'test/.start-up-'));
/**
 * What `topics list` and a wrong flag may take of the processor beside what Node takes by itself. It was 1,000 ms while a
 * Kafka client library was loaded, and is about 100 ms.
 */
const CPU_MS_MAX = 300;
/** Of this project's own source: the protocol's messages are most of it. */
const SOURCE_BYTES_MAX = 500_000;
const CLIENT_COMMANDS = ['topics', 'produce', 'consume', 'groups', 'transactions', 'configs', 'cluster', 'cost'];

let meta: Metafile;

beforeAll(async () => {
  // As `npm run build:programs` does it.
  const built = await build({
    entryPoints: [join(ROOT, 'lib/cli/main.ts')],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    outdir: folder,
    metafile: true,
    logLevel: 'error',
    absWorkingDir: ROOT,
  });
  meta = built.metafile;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What is loaded with `files`, without what is only loaded when it is wanted. */
function loadedWith(files: readonly string[]): { packages: string[]; bytes: number } {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const { path, kind, external } of meta.inputs[file]!.imports) {
      if (kind === 'dynamic-import') continue;
      if (external !== true) waiting.push(path);
      else if (!path.startsWith('node:')) packages.add(path);
    }
  }
  const bytes = [...seen].reduce((sum, file) => sum + meta.inputs[file]!.bytes, 0);
  return { packages: [...packages].sort(), bytes };
}

/** Processor time of one run of Node, ms; unlike the time on the clock it hardly grows on a busy machine. */
function cpuMs(args: readonly string[]): number {
  const script = '"$@" >/dev/null 2>&1; times';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', process.execPath, ...args], { encoding: 'utf8' });
  const ofChildren = stdout.trim().split('\n')[1]!;
  const times = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)];
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000, 0);
}

describe('starting the command line', () => {
  it('loads no package for the help and the version', () => {
    const { packages, bytes } = loadedWith(['lib/cli/main.ts']);
    expect(packages).toEqual([]);
    expect(bytes).toBeLessThan(50_000);
  });

  it.each(CLIENT_COMMANDS)('loads only the parser of flags beside its own for %s', (command) => {
    const { packages, bytes } = loadedWith(['lib/cli/main.ts', `lib/cli/${command}.ts`]);
    expect(packages).toEqual(['commander']);
    expect(bytes).toBeLessThan(SOURCE_BYTES_MAX);
  });

  it.each([
    ['a list of topics', ['topics', 'list', '-b', '127.0.0.1:1']],
    ['a wrong flag', ['topics', 'list', '--no-such-flag']],
  ])('takes little of the processor for %s', (_, args) => {
    const own = Math.min(...[1, 2, 3].map(() => cpuMs(['-e', '0'])));
    const ours = Math.min(...[1, 2, 3].map(() => cpuMs([join(folder, 'main.js'), ...args])));
    expect(own).toBeGreaterThan(0);
    expect(ours).toBeGreaterThan(own);
    expect(ours - own).toBeLessThan(CPU_MS_MAX);
  });
});
