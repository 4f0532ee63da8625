import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { builtName, PROGRAMS, PROGRAMS_VARIABLE } from './programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Two levels below the package: from there both the packages and package.json are found. */
const PLACE = join(ROOT, '.cache');

/**
 * Vitest's global set-up of every project that starts processes: translates the programs to JavaScript once, so that all
 * processes of a run start fast and are of one state of the source. Returns what removes them.
 */
export default async function buildPrograms(): Promise<() => void> {
  // Another project of the same run has done it.
  if (process.env[PROGRAMS_VARIABLE] !== undefined) return () => {};
  mkdirSync(PLACE, { recursive: true });
  const folder = mkdtempSync(join(PLACE, 'programs-'));
  await build({
    entryPoints: Object.fromEntries(PROGRAMS.map((program) => [builtName(program), join(ROOT, program)])),
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
  process.env[PROGRAMS_VARIABLE] = folder;
  return () => {
    delete process.env[PROGRAMS_VARIABLE];
    rmSync(folder, { recursive: true, force: true });
  };
}
