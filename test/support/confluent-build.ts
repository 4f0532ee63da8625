import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = '@confluentinc/kafka-javascript';
const VERSION = '1.10.1';

/** What was built before; `npm ci` clears it. A build belongs to one ABI of Node. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/confluent/', import.meta.url));
const BUILT = join(CACHE, `${VERSION}-node${process.versions.modules}-${process.arch}`);

/** Two and a half minutes of processor time were measured; on a busy machine it took twelve minutes. */
const STEP_TIMEOUT_MS = 900_000;

/** What is not tested here, so that its libraries need not be there; and what only makes compiling take longer. */
const CONFIGURE_WITHOUT = [
  ...['--disable-ssl', '--disable-gssapi', '--disable-curl', '--disable-lz4-ext'],
  ...['--disable-optimization', '--disable-debug-symbols'],
];

export type ConfluentBuild =
  | { readonly kind: 'built'; readonly module: string }
  | { readonly kind: 'missing'; readonly reason: string };

/**
 * Builds @confluentinc/kafka-javascript with the librdkafka that its tarball brings, unless that was done before, and gives the
 * folder to require it from. Its own install script would fetch a built binary, which a closed network does not have. The
 * librdkafka of Debian 12 is no alternative: the package uses types that came after 2.0.2.
 */
export async function buildConfluent(): Promise<ConfluentBuild> {
  const module = join(BUILT, 'node_modules', NAME);
  if (existsSync(module)) return { kind: 'built', module };
  const reason = toolMissing();
  if (reason !== undefined) return { kind: 'missing', reason };
  process.stderr.write(`building ${NAME} ${VERSION}; this takes some minutes, once\n`);
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'building-'));
  try {
    await buildIn(folder);
    await rename(folder, BUILT).catch((error) => {
      if (!existsSync(module)) throw error;
    });
    return { kind: 'built', module };
  } catch (error) {
    return { kind: 'missing', reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function toolMissing(): string | undefined {
  for (const tool of ['npm', 'make', 'g++', 'python3']) {
    if (spawnSync(tool, ['--version']).status !== 0) return `${tool} was not found`;
  }
  const input = '#include <zlib.h>\n#include <zstd.h>\n';
  if (spawnSync('g++', ['-E', '-x', 'c++', '-'], { input }).status === 0) return undefined;
  return 'the headers of zlib or zstd were not found';
}

async function buildIn(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  await run('npm', ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', `${NAME}@${VERSION}`], folder);
  const module = join(folder, 'node_modules', NAME);
  const librdkafka = join(module, 'deps', 'librdkafka');
  const target = join(module, 'build', 'deps');
  await run('./configure', [...CONFIGURE_WITHOUT, `--prefix=${target}`, `--libdir=${target}`], librdkafka);
  // The package would call make with as many processes as there are files; so it finds everything made.
  await run('make', [`-j${availableParallelism()}`, 'libs'], librdkafka);
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? ['--', `--nodedir=${prefix}`] : [];
  await run('npm', ['run', 'configure', ...headers], module);
  await run('npm', ['run', 'build', ...headers], module);
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, CKJS_LINKING: 'dynamic' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_TIMEOUT_MS,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${said.slice(-2_000)}`);
}
