import { execFile } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = resolve(import.meta.dirname, '../..');

/** A client for programs to talk to Tidelog with; the version that package.json has, too. */
const CLIENT = 'kafkajs@2.2.4';

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/** Tidelog as somebody has it who ran `npm install tidelog` in an empty folder. */
export interface InstalledPackage {
  /** The folder with node_modules in it. */
  readonly folder: string;
  readonly files: readonly PackedFile[];
  /** Of the tarball. */
  readonly packedBytes: number;
  /** Of all that npm installed for it, the client left out. */
  readonly installedBytes: number;
  /** Writes a file into the folder; returns its path. */
  write(name: string, content: string): string;
  /** Runs a program in the folder; rejects if it fails. */
  run(command: string, args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }>;
  remove(): void;
}

/** What npm and the programs started here get: without the settings that the caller's environment may have. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|TIDELOG_|NODE_OPTIONS|VITEST)/.test(name),
  );
  return Object.fromEntries(kept);
}

/** Packs this project and installs the tarball from the registry's point of view: with its dependencies, without these. */
export async function installPackage(): Promise<InstalledPackage> {
  const base = mkdtempSync(join(tmpdir(), 'tidelog-package-'));
  try {
    return await installInto(base);
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    throw error;
  }
}

async function installInto(base: string): Promise<InstalledPackage> {
  const env = cleanEnvironment();
  const packed = await run('npm', ['pack', '--json', '--pack-destination', base], { cwd: ROOT, env });
  const [{ filename, size, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('['))) as [
    { filename: string; size: number; files: PackedFile[] },
  ];
  const folder = join(base, 'app');
  mkdirSync(folder);
  const write = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  write('package.json', JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const install = (what: string) =>
    run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', what], { cwd: folder, env });
  await install(join(base, filename));
  const installedBytes = bytesUnder(join(folder, 'node_modules'));
  await install(CLIENT);
  return {
    folder,
    files,
    packedBytes: size,
    installedBytes,
    write,
    run: (command, args) => run(command, [...args], { cwd: folder, env }),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Copies one of the examples into the folder, where it finds the packages. */
export function copyExample({ folder }: InstalledPackage, name: string): string {
  const target = join(folder, 'examples', name);
  cpSync(join(ROOT, 'examples', name), target, { recursive: true, filter: (path) => !path.includes('node_modules') });
  if (existsSync(join(target, 'node_modules'))) throw new Error('the example was copied with packages of its own');
  return target;
}

function bytesUnder(path: string): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0);
}
