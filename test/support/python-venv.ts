import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PYTHON } from './python-client.ts';

/** What was installed before; `npm ci` clears it. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/python/', import.meta.url));
const INSTALL_TIMEOUT_MS = 240_000;

const run = promisify(execFile);

export type PythonVenv =
  | { readonly kind: 'installed'; readonly python: string }
  | { readonly kind: 'missing'; readonly reason: string };

/**
 * A Python with one package of PyPI in one version, installed at the first call. `pinned`: versions of packages that it
 * needs, as pip takes them.
 */
export async function pythonWith(name: string, version: string, pinned: readonly string[] = []): Promise<PythonVenv> {
  const home = join(CACHE, `${name}-${version}`);
  const python = join(home, 'bin/python3');
  if (existsSync(python)) return { kind: 'installed', python };
  if (spawnSync(PYTHON, ['-m', 'venv', '--help']).status !== 0) {
    return { kind: 'missing', reason: `${PYTHON} makes no virtual environments` };
  }
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'installing-'));
  try {
    await run(PYTHON, ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `${name}==${version}`, ...pinned];
    await run(join(folder, 'bin/python3'), pip, { timeout: INSTALL_TIMEOUT_MS });
    // An environment may be moved as long as it is its Python that is called, and none of its scripts.
    await rename(folder, home).catch((error) => {
      if (!existsSync(python)) throw error;
    });
    return { kind: 'installed', python };
  } catch (error) {
    return { kind: 'missing', reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
