import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../core/assert.ts';
import { StackError } from './stack-error.ts';
import type { FunctionName } from './stages.ts';

/**
 * The folder with package.json, of the clone or the installed package, wherever a bundler placed
 * this file.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    assert(parent !== folder, `no package.json above ${import.meta.url}`);
    folder = parent;
  }
  return folder;
}

/**
 * The folder of a function's bundle, which contains `index.mjs`. The stacks deploy existing builds,
 * so they need neither esbuild nor Docker. Throws StackError if the folder does not exist.
 */
export function bundleOf(name: FunctionName, functionsFolder: string | undefined): string {
  const folder = join(functionsFolder ?? join(packageRoot(), 'dist/functions'), name);
  if (!existsSync(join(folder, 'index.mjs'))) {
    throw new StackError(
      `The function ${name} is not built: there is no ${folder}/index.mjs. Run npm run build first.`,
    );
  }
  return folder;
}
