import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const LIB_LINES_MAX = 450;
const TEST_LINES_MAX = 500;

/**
 * What each room may import beside itself, `core`, `kit` and the open parts of `storage` (docs/ARCHITECTURE.md). A room is
 * the first folder under lib; a path narrows an entry down to a folder or file of the other room.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  kit: [],
  wire: [],
  records: [],
  storage: [],
  settings: [],
  journal: ['records'],
  segments: ['journal', 'records'],
  log: ['segments', 'journal', 'records', 'topics', 'cluster', 'auth'],
  topics: ['journal'],
  cluster: ['journal', 'topics'],
  offsets: ['journal'],
  groups: ['journal', 'log', 'topics', 'offsets', 'wire/messages/consumer-protocol.ts'],
  transactions: ['records', 'journal', 'log', 'topics', 'offsets', 'groups'],
  imports: ['journal', 'records', 'segments', 'topics', 'cluster', 'transactions/producer-ids.ts'],
  auth: [],
  upkeep: ['journal'],
  cost: ['storage/metering.ts'],
  rest: ['records', 'journal', 'log', 'topics', 'cluster', 'offsets', 'groups', 'transactions', 'auth'],
  broker: ['wire', 'records', 'journal', 'log', 'topics', 'cluster', 'offsets', 'groups', 'transactions', 'auth'],
  doors: [
    'wire',
    'records',
    'auth',
    'broker/apis.ts',
    'broker/served.ts',
    'broker/functions.ts',
    'broker/frame-handler.ts',
    'broker/api/18-api-versions.ts',
  ],
  'index.ts': ['run', 'settings'],
  run: [
    'settings',
    'wire',
    'records',
    'storage',
    'journal',
    'segments',
    'log',
    'topics',
    'cluster',
    'offsets',
    'groups',
    'transactions',
    'imports',
    'auth',
    'broker',
    'rest',
    'doors',
    'upkeep',
    'cost',
  ],
  stacks: ['broker/apis.ts', 'broker/functions.ts', 'settings'],
  cli: ['run', 'settings', 'wire', 'records', 'doors', 'segments/files', 'cost'],
};

/** The parts of lib/storage that every room may know; the adapters are for lib/run alone. */
const OPEN_STORAGE = ['storage/ports.ts', 'storage/items/', 'storage/put-item.ts', 'storage/late-puts.ts'];

/** Calls that would make an outcome depend on something other than the seed. */
const BANNED = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bperformance\.now\(/,
  /\bprocess\.hrtime\b/,
  /\bMath\.random\(/,
  /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b/,
  /\bnextTick\b/,
  /\bqueueMicrotask\b/,
  /\bAbortSignal\.timeout\b/,
  /\bscheduler\.(?:wait|yield)\b/,
  /\brandomBytes\b|\brandomUUID\b|\brandomInt\b.*node:crypto|\brandomFill/,
  /['"](?:node:)?timers(?:\/promises)?['"]/,
];
/** The script of a page runs in a browser: it is a text here. */
const MAY_TOUCH_TIME_AND_CHANCE = new Set(['lib/core/clock.ts', 'lib/core/random.ts', 'lib/rest/ui/tail-script.ts']);

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

const lib = filesUnder('lib');
const all = [...lib, ...filesUnder('localstack'), ...filesUnder('test')];
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g);
  return [...found].map((match) => relative(ROOT, resolve(ROOT, dirname(file), match[1]!)).replaceAll('\\', '/'));
}

function violatesRoom(file: string, imported: string): boolean {
  const room = file.split('/')[1]!;
  if (!imported.startsWith('lib/')) return true;
  const path = imported.slice('lib/'.length);
  const target = path.split('/')[0]!;
  if (target === room || (target === 'kit' && room !== 'core')) return false;
  if (target === 'core' || OPEN_STORAGE.some((open) => path.startsWith(open))) return false;
  return !(MAY_IMPORT[room] ?? []).some((allowed) => path === allowed || path.startsWith(`${allowed}/`));
}

describe('the rooms', () => {
  it('are all known', () => {
    const rooms = new Set(lib.map((file) => file.split('/')[1]!));
    expect([...rooms].filter((room) => MAY_IMPORT[room] === undefined)).toEqual([]);
  });

  it('import only what lies below them', () => {
    const violations = lib.flatMap((file) =>
      importsOf(file)
        .filter((imported) => violatesRoom(file, imported))
        .map((imported) => `${file} imports ${imported}`),
    );
    expect(violations).toEqual([]);
  });

  it('tells a wrong import from a right one', () => {
    expect(violatesRoom('lib/log/fetch.ts', 'lib/groups/group.ts')).toBe(true);
    expect(violatesRoom('lib/journal/wal.ts', 'lib/storage/s3/blobs.ts')).toBe(true);
    expect(violatesRoom('lib/journal/wal.ts', 'lib/storage/ports.ts')).toBe(false);
    expect(violatesRoom('lib/journal/wal.ts', 'lib/kit/slots.ts')).toBe(false);
    expect(violatesRoom('lib/core/clock.ts', 'lib/kit/slots.ts')).toBe(true);
    expect(violatesRoom('lib/kit/slots.ts', 'lib/journal/wal.ts')).toBe(true);
    expect(violatesRoom('lib/doors/tcp/server.ts', 'lib/broker/dispatch.ts')).toBe(true);
    expect(violatesRoom('lib/cli/dev.ts', 'test/support/raw-client.ts')).toBe(true);
  });
});

/** Groups of files that import each other, directly or in a circle; found by Tarjan's algorithm. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    open.push(file);
    for (const imported of graph.get(file) ?? []) {
      if (!graph.has(imported)) continue;
      if (!order.has(imported)) visit(imported);
      if (open.includes(imported)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(imported)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const cycle = open.splice(open.indexOf(file));
    if (cycle.length > 1) cycles.push(cycle.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return cycles.sort();
}

describe('files of lib', () => {
  it('import each other in no circle, types included', () => {
    expect(cyclesOf(new Map(lib.map((file) => [file, importsOf(file)])))).toEqual([]);
  });

  it('in a circle are found', () => {
    const graph = { a: ['b', 'd'], b: ['c', 'x'], c: ['a'], d: ['e', 'c'], e: ['f'], f: ['e'], g: ['a'] };
    expect(cyclesOf(new Map(Object.entries(graph)))).toEqual([
      ['a', 'b', 'c', 'd'],
      ['e', 'f'],
    ]);
  });
});

describe('test/unit', () => {
  const tests = filesUnder('test/unit');

  it('mirrors lib folder by folder', () => {
    const folders = new Set(lib.map((file) => dirname(file).slice('lib'.length)));
    const strangers = tests.filter((file) => !folders.has(dirname(file).slice('test/unit'.length)));
    expect(strangers).toEqual([]);
  });

  it('tests in each folder files of the folder that it mirrors', () => {
    const misplaced = tests.filter((file) => {
      const mirrored = dirname(file).replace(/^test\/unit/, 'lib');
      // Also by a world or rig that it shares with other tests.
      const imported = importsOf(file).flatMap((one) => (one.startsWith('test/') ? [one, ...importsOf(one)] : [one]));
      return file.endsWith('.test.ts') && !imported.some((one) => dirname(one) === mirrored);
    });
    expect(misplaced).toEqual([]);
  });
});

describe('time and chance', () => {
  it('come in only by lib/core/clock.ts and lib/core/random.ts', () => {
    const violations = lib
      .filter((file) => !MAY_TOUCH_TIME_AND_CHANCE.has(file) && !file.endsWith('.test.ts'))
      .flatMap((file) =>
        textOf(file)
          .split('\n')
          .map((line, index) => ({ line, where: `${file}:${index + 1}` }))
          .filter(({ line }) => !/^\s*(\*|\/\/)/.test(line) && BANNED.some((banned) => banned.test(line)))
          .map(({ where, line }) => `${where} ${line.trim()}`),
      );
    expect(violations).toEqual([]);
  });

  it.each([
    'const now = Date.now();',
    'const timer = setTimeout(done, 5);',
    'setImmediate(done);',
    'await new Promise(setImmediate);',
    'process.nextTick(done);',
    'queueMicrotask(done);',
    'const signal = AbortSignal.timeout(5);',
    "import { setTimeout as sleep } from 'node:timers/promises';",
    "import { setImmediate } from 'timers';",
    'const nonce = crypto.randomUUID();',
  ])('are recognised: %s', (line) => {
    expect(BANNED.some((banned) => banned.test(line))).toBe(true);
  });
});

describe('files', () => {
  it('have kebab-case names and no drawer for odds and ends', () => {
    const odd = all.filter((file) => !/^[a-z0-9-]+(\/[a-z0-9-]+)*(\.[a-z]+)?\.ts$/.test(file));
    const drawers = all.filter((file) => /(^|\/)(utils?|helpers?|misc|common)(\/|\.ts$)/.test(file));
    expect({ odd, drawers }).toEqual({ odd: [], drawers: [] });
  });

  it('stay small', () => {
    const long = all
      .map((file) => ({ file, lines: textOf(file).split('\n').length }))
      .filter(({ file, lines }) => lines > (file.startsWith('lib/') ? LIB_LINES_MAX : TEST_LINES_MAX));
    expect(long).toEqual([]);
  });

  it('have no default exports in lib, and nothing left for later', () => {
    const later = new RegExp(['TO', 'DO\\b|FIX', 'ME\\b|\\bXX', 'X\\b'].join(''));
    const defaults = lib.filter((file) => /^export default/m.test(textOf(file)));
    const unfinished = all.filter((file) => later.test(textOf(file)));
    expect({ defaults, unfinished }).toEqual({ defaults: [], unfinished: [] });
  });

  it('begin every handler with its API and versions', () => {
    const handlers = lib.filter((file) => file.startsWith('lib/broker/api/'));
    const unsaid = handlers.filter((file) => !/\/\*\*[^/]*versions? \d/s.test(textOf(file)));
    expect(handlers.length).toBeGreaterThan(0);
    expect(unsaid).toEqual([]);
  });

  it('ask for authorization in every handler but ApiVersions, or leave it to the log', () => {
    const handlers = lib.filter((file) => file.startsWith('lib/broker/api/') && !file.includes('18-api-versions'));
    expect(handlers.filter((file) => !/\bauthorize\(|\bbroker\.log\./.test(textOf(file)))).toEqual([]);
  });

  it('reach partitions by lib/log: no handler imports journals, and one that uses the log knows no leadership', () => {
    const handlers = lib.filter((file) => file.startsWith('lib/broker/api/'));
    const isOfLog = (file: string) => textOf(file).includes('broker.log.');
    const around = handlers.flatMap((file) =>
      importsOf(file)
        .filter((path) => path.startsWith('lib/journal/') || (isOfLog(file) && path.startsWith('lib/cluster/')))
        .map((path) => `${file} imports ${path}`),
    );
    expect(handlers.filter(isOfLog).map((file) => file.slice('lib/broker/api/'.length))).toEqual([
      '00-produce.ts',
      '01-fetch.ts',
      '02-list-offsets.ts',
      '21-delete-records.ts',
      '23-offset-for-leader-epoch.ts',
      '61-describe-producers.ts',
    ]);
    expect(around).toEqual([]);
  });
});
