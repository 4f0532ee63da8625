import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The folder for installed and written files: under node_modules of the current project, which
 * repositories ignore. Created if it does not exist.
 */
export function workFolder(): string {
  const project = folderAbove(process.cwd(), () => true) ?? process.cwd();
  const folder = join(project, 'node_modules', '.cache', 'tidelog-localstack');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder of Tidelog's package, of the source or the installed one. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = folderAbove(here, ({ name }) => name === 'tidelog');
  if (root === undefined) throw new Error(`no package.json of tidelog above ${here}`);
  return root;
}

/**
 * The Node arguments that run one of Tidelog's programs, from TypeScript if this code runs from
 * TypeScript.
 *
 * @param name its path in the source without the extension: 'lib/cli/main'
 */
export function programArguments(name: string): readonly string[] {
  if (!import.meta.url.endsWith('.ts')) return [join(packageRoot(), 'dist', `${name}.js`)];
  const tsx = createRequire(import.meta.url).resolve('tsx');
  return ['--import', pathToFileURL(tsx).href, join(packageRoot(), `${name}.ts`)];
}

function folderAbove(start: string, isIt: (content: { name?: string }) => boolean): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && isIt(JSON.parse(readFileSync(file, 'utf8')))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
