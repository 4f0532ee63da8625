import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EndpointError } from './endpoint-error.ts';
import { lastLines, runProgram } from './run-program.ts';

/** The version that Tidelog's tests use. */
export const MINISTACK_VERSION = '1.4.21';

/**
 * MiniStack and its dependencies, each at the tested version, so that every machine has the same
 * endpoint.
 */
const PACKAGES = [
  `ministack==${MINISTACK_VERSION}`,
  'defusedxml==0.7.1',
  'h11==0.16.0',
  'h2==4.4.1',
  'hpack==4.2.0',
  'Hypercorn==0.18.0',
  'hyperframe==6.1.0',
  'priority==2.0.0',
  'PyYAML==6.0.3',
  'wsproto==1.3.2',
];

/** MiniStack's minimum. */
const PYTHON_MINOR_MIN = 10;
const PYTHON_NAMES = ['python3', 'python'];

/** The first Python of at least 3.10 on the path; undefined if there is none. */
export async function findPython(): Promise<string | undefined> {
  for (const name of PYTHON_NAMES) {
    const { code, output } = await runProgram(name, ['-c', 'import sys; print(*sys.version_info[:2])']);
    const [major, minor] = output.split(' ').map(Number);
    if (code === 0 && major === 3 && minor! >= PYTHON_MINOR_MIN) return name;
  }
  return undefined;
}

/**
 * The Python of a virtual environment with MiniStack. The environment is created in `folder` at
 * first use, with packages from the Python package index. Throws EndpointError.
 */
export async function pythonWithMinistack(python: string, folder: string): Promise<string> {
  const home = join(folder, `ministack-${MINISTACK_VERSION}`);
  const found = interpreterIn(home);
  if (found !== undefined) return found;
  // Created in a temporary folder and renamed, so that it is never incomplete, even if two
  // processes create it at once.
  const making = mkdtempSync(join(folder, 'making-'));
  try {
    await make(python, making);
    try {
      renameSync(making, home);
    } catch (error) {
      if (interpreterIn(home) === undefined) throw error;
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return interpreterIn(home)!;
}

function interpreterIn(home: string): string | undefined {
  return [join(home, 'bin', 'python'), join(home, 'Scripts', 'python.exe')].find((path) => existsSync(path));
}

async function make(python: string, home: string): Promise<void> {
  const venv = await runProgram(python, ['-m', 'venv', home]);
  if (venv.code !== 0) {
    throw new EndpointError(
      `${python} cannot make a virtual environment (on Debian: apt-get install python3-venv): ${lastLines(venv.output)}`,
    );
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', ...PACKAGES];
  const install = await runProgram(interpreterIn(home)!, pip);
  if (install.code !== 0) {
    throw new EndpointError(`MiniStack ${MINISTACK_VERSION} cannot be installed: ${lastLines(install.output)}`);
  }
}
