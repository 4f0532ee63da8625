import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What was fetched before; `npm ci` clears it, and Maven then fills it again from its own repository. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/maven-tidelog/', import.meta.url));

/** Maven does not promise that two processes may fill its repository at the same time, so one waits for the other. */
const LOCK = join(CACHE, 'lock');
const LOCK_POLL_MS = 200;

/** A first run on a slow line fetches Maven's plugins as well; beyond this it does not come. */
export const FETCH_TIMEOUT_MS = 240_000;

const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

let missing: { readonly reason: string | undefined } | undefined;

/** Why artifacts of Maven Central cannot be fetched here, or undefined if they can. */
export function mavenMissing(): string | undefined {
  missing ??= { reason: spawnSync('mvn', ['--version']).status === 0 ? undefined : 'mvn with a Java was not found' };
  return missing.reason;
}

/**
 * The folder with the jars of `coordinates` (`group:artifact:version`) and of all that they need at run time. Maven fetches
 * them by its own settings at the first call; later calls, also of other processes, find them. Throws if Maven fails.
 */
export async function fetchArtifacts(coordinates: string[]): Promise<string> {
  const wanted = [...coordinates].sort();
  const folder = join(CACHE, createHash('sha256').update(wanted.join('\n')).digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  await takeLock();
  try {
    if (!existsSync(folder)) await fetchInto(folder, wanted);
  } finally {
    await rm(LOCK, { force: true });
  }
  return folder;
}

/** The folder appears under its name only once everything is in it. */
async function fetchInto(folder: string, coordinates: readonly string[]): Promise<void> {
  const project = await mkdtemp(join(CACHE, 'fetching-'));
  try {
    await writeFile(join(project, 'pom.xml'), pomOf(coordinates));
    const jars = join(project, 'jars');
    await mkdir(jars);
    await maven(project, [COPY_GOAL, '-DincludeScope=runtime', `-DoutputDirectory=${jars}`]);
    await rename(jars, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}

function pomOf(coordinates: readonly string[]): string {
  const dependencies = coordinates.map((one) => {
    const [groupId, artifactId, version] = one.split(':');
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tidelog</groupId><artifactId>test-tools</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies.join('\n')}</dependencies></project>\n`;
}

async function maven(project: string, args: readonly string[]): Promise<void> {
  const child = spawn('mvn', ['--batch-mode', '--no-transfer-progress', ...args], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FETCH_TIMEOUT_MS,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`mvn ${args[0]} ended with ${code ?? signal}:\n${said}`);
}

/** The lock appears with its holder's process id in it, so that one that was left behind can be told. */
async function takeLock(): Promise<void> {
  const own = join(CACHE, `lock-${process.pid}-${randomUUID()}`);
  await writeFile(own, String(process.pid));
  try {
    for (;;) {
      try {
        return await link(own, LOCK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = Number(await readFile(LOCK, 'utf8').catch(() => '0'));
      if (holder > 0 && !isAlive(holder)) await rm(LOCK, { force: true });
      else await wait(LOCK_POLL_MS);
    }
  } finally {
    await rm(own, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
