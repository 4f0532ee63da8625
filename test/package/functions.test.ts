import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { apis } from '../../lib/wire/apis.ts';
import { FUNCTION_ENVIRONMENT } from '../support/functions.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NAMES = ['admin', 'coordinate', 'fetch', 'maintain', 'produce', 'rest', 'seal'];
const KIB = 1024;
const LINES_MAX = 40;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidelog-functions-'));
  build('first');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function build(name: string): void {
  execFileSync(process.execPath, [join(ROOT, 'functions', 'build.mjs'), join(folder, name)], { stdio: 'inherit' });
}

const filesOf = (build: string, name: string) =>
  readdirSync(join(folder, build, name))
    .sort()
    .map((file) => ({ file, bytes: readFileSync(join(folder, build, name, file)) }));

/**
 * The engine of patterns, of topics in groups and of transactional ids in lists: read with the first pattern, never by a
 * cold start.
 */
const isPatternEngine = ({ file }: { file: string }) => file.startsWith('topic-pattern-');
const PATTERN_ENGINE_KIB_MAX = 150;
const WITH_GROUPS = ['coordinate', 'maintain', 'rest'];
const WITHOUT_FRAMES = ['maintain', 'rest', 'seal'];

/** Every part of the engine, and the routes. */
const REST_KIB_MAX = 700;
/** What makes the OpenAPI document, the pages and event streams: read when somebody asks for them. */
const isForReaders = ({ file }: { file: string }) => /^(openapi|page|tail-page|follow|group)-/.test(file);
const FOR_READERS_KIB_MAX = 36;

describe('the bundles', () => {
  it('are one for each function, and the functions are short', () => {
    expect(readdirSync(join(folder, 'first')).sort()).toEqual(NAMES);
    for (const name of NAMES) {
      const lines = readFileSync(join(ROOT, 'functions', `${name}.ts`), 'utf8').split('\n').length;
      expect({ name, long: lines > LINES_MAX }).toEqual({ name, long: false });
    }
  });

  it.each(NAMES)('%s takes at most 500 KiB, rest 700 (topic patterns 150 more), and has nothing native', (name) => {
    const files = filesOf('first', name);
    const size = (chosen: typeof files) => chosen.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const engine = files.filter(isPatternEngine);
    expect(engine).toHaveLength(WITH_GROUPS.includes(name) ? 1 : 0);
    expect(size(engine)).toBeLessThanOrEqual(PATTERN_ENGINE_KIB_MAX * KIB);
    const forReaders = files.filter(isForReaders);
    expect(forReaders).toHaveLength(name === 'rest' ? 5 : 0);
    expect(size(forReaders)).toBeLessThanOrEqual(FOR_READERS_KIB_MAX * KIB);
    const others = files.filter((one) => !isPatternEngine(one) && !isForReaders(one));
    expect(size(others)).toBeLessThanOrEqual((name === 'rest' ? REST_KIB_MAX : 500) * KIB);
    const foreign = filesOf('first', name).filter(({ bytes }) => /lmdb|platformatic|\.node"/.test(bytes.toString()));
    expect(foreign.map(({ file }) => file)).toEqual([]);
  });

  it('have the messages of the APIs that they serve, and no others', () => {
    const has = (name: string, message: string) =>
      filesOf('first', name).some(({ bytes }) => bytes.includes(`"${message}"`));
    for (const { name: api, key, request } of Object.values(apis)) {
      const function_ = SERVED.get(key)?.function;
      for (const name of NAMES) {
        // Every function that takes frames answers an unknown version of ApiVersions.
        const wanted = name === function_ || (api === 'ApiVersions' && !WITHOUT_FRAMES.includes(name));
        expect({ name, api, has: has(name, request.name) }).toEqual({ name, api, has: wanted });
      }
    }
  });

  it('are the same bytes when they are built again', () => {
    build('second');
    const digests = (name: string) =>
      NAMES.flatMap((one) =>
        filesOf(name, one).map(({ file, bytes }) => [one, file, createHash('sha256').update(bytes).digest('hex')]),
      );
    expect(digests('second')).toEqual(digests('first'));
  });

  it('rest has a second handler where Lambda takes streams', () => {
    const entry = pathToFileURL(join(folder, 'first', 'rest', 'index.mjs')).href;
    const runtime = "{ streamifyResponse: (handler) => ['streams', handler.length] }";
    const script = `globalThis.awslambda = ${runtime}; console.log((await import('${entry}')).streaming.join());`;
    const env = { PATH: process.env.PATH, AWS_REGION: 'us-east-1', ...FUNCTION_ENVIRONMENT };
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' });
    expect(output).toBe('streams,3\n');
  });

  it.each(NAMES)('%s is a module with a handler that answers', (name) => {
    const entry = pathToFileURL(join(folder, 'first', name, 'index.mjs')).href;
    const script = `const { handler } = await import('${entry}'); console.log(JSON.stringify([handler.length, await handler({}, {})]));`;
    const env = { PATH: process.env.PATH, AWS_REGION: 'us-east-1', ...FUNCTION_ENVIRONMENT };
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' });
    const [parameters, answer] = JSON.parse(output.trim().split('\n').at(-1)!) as [number, object];
    expect(parameters).toBe(2);
    expect(answer).toMatchObject({ error: { status: 400 } });
  });
});
