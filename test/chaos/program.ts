import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');
/** Below the project, so that the packages are found from there. */
const PLACE = join(ROOT, 'node_modules/.cache');

export interface Program {
  /** The script, to be run by plain node. */
  readonly path: string;
  remove(): void;
}

/**
 * Translates the command line to JavaScript once: processes that are killed all the time then start in a moment, and all are of
 * one state of the source.
 */
export async function buildProgram(): Promise<Program> {
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'tidelog-chaos-'));
  await build({
    entryPoints: [join(ROOT, 'lib/cli/main.ts')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is loaded when it is wanted stays apart, as in the source.
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'silent',
  });
  return { path: join(folder, 'main.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
