import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');

/** A change of the engine's source text that breaks one of its rules. */
export interface Edit {
  /** Path from the project's root. */
  readonly file: string;
  /** Must be in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Bundle {
  /** The script, to be run by plain node. */
  readonly path: string;
  remove(): void;
}

/** Bundles the simulation with the engine, changed or as it is. Throws if an edit does not fit the source. */
export async function bundleSimulation(edits: readonly Edit[] = []): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), 'tidelog-simulation-'));
  const path = join(folder, 'child.mjs');
  const applied = new Set<string>();
  try {
    await build({
      entryPoints: [join(HERE, 'child.ts')],
      outfile: path,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      logLevel: 'silent',
      plugins: edits.length === 0 ? [] : [editing(edits, applied)],
    });
    const missing = edits.filter((edit) => !applied.has(edit.file));
    if (missing.length > 0) throw new Error(`not part of the simulation: ${missing.map((one) => one.file).join(', ')}`);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function editing(edits: readonly Edit[], applied: Set<string>): Plugin {
  return {
    name: 'edits',
    setup(setup) {
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const path = join(ROOT, file);
        const filter = new RegExp(`^${path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
        setup.onLoad({ filter }, () => {
          applied.add(file);
          const own = edits.filter((edit) => edit.file === file);
          return { contents: own.reduce(withEdit, readFileSync(path, 'utf8')), loader: 'ts' };
        });
      }
    },
  };
}

function withEdit(text: string, edit: Edit): string {
  const found = text.split(edit.find).length - 1;
  if (found !== 1) throw new Error(`found ${found} times in ${edit.file}, not once: ${edit.find}`);
  return text.replace(edit.find, () => edit.replace);
}
