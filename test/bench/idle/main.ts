import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { developerProgram, wholeNumber } from '../../support/program.ts';
import { median } from '../statistics.ts';
import { fillStore } from './fill-store.ts';
import { type IdleFigures, type IdleRun, idleRun } from './run-idle.ts';

// Whether what is stored and not in use costs anything: docs/PERFORMANCE.md. Ends with status 1 if it costs too much.

const FIRST_ACK_MS_MAX = 2_000;
/** The larger of the two: a share of a p50 below 1 ms is less than the disk's own moods. */
const P50_SHARE_MAX = 0.1;
const P50_MS_MAX = 0.2;
const RSS_ANON_BYTES_MAX = 100e6;

const values = developerProgram(
  'npm run bench:idle --',
  'Measures whether stored topics that are not in use cost anything.',
)
  .option('--topics <n>', 'topics of the full store', wholeNumber, 10_000)
  .option('--entries <n>', 'entries of its journal', wholeNumber, 1_000_000)
  .option('--runs <n>', 'pairs of runs', wholeNumber, 5)
  .option('--dir <folder>', 'where the stores are made', tmpdir())
  .parse()
  .opts<{ topics: number; entries: number; runs: number; dir: string }>();
const directory = await mkdtemp(join(values.dir, 'tidelog-idle-'));
try {
  const [emptyStore, fullStore] = [join(directory, 'empty'), join(directory, 'full')];
  const start = performance.now();
  await fillStore(emptyStore, { topics: 0, entries: 1 });
  await fillStore(fullStore, { topics: values.topics, entries: values.entries });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${values.topics} topics and a journal of ${values.entries} entries, made in ${seconds} s\n`);

  // The first start builds the program and reads it into the page cache.
  await idleRun(emptyStore, fullStore, 'empty');
  const runs: IdleRun[] = [];
  for (let run = 0; run < values.runs; run++) {
    runs.push(await idleRun(emptyStore, fullStore, run % 2 === 0 ? 'empty' : 'full'));
  }

  console.log(
    '| run | first ack ms, empty | full | CPU ms by then, empty | full | p50 ms, empty | full | RssAnon MB, empty | full | others CPU |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const [index, { empty, full, othersCpu }] of runs.entries()) {
    console.log(`| ${index + 1} | ${row(empty, full)} | ${othersCpu.toFixed(2)} |`);
  }
  const empty = medians(runs.map((run) => run.empty));
  const full = medians(runs.map((run) => run.full));
  console.log(`| median | ${row(empty, full)} | |\n`);

  const allowedMs = Math.max(empty.p50Ms * P50_SHARE_MAX, P50_MS_MAX);
  const checks = [
    [`first ack within ${FIRST_ACK_MS_MAX} ms`, full.firstAckMs < FIRST_ACK_MS_MAX],
    [`p50 at most ${allowedMs.toFixed(2)} ms above the empty store's`, full.p50Ms - empty.p50Ms <= allowedMs],
    [
      `RssAnon within ${RSS_ANON_BYTES_MAX / 1e6} MB of it`,
      full.rssAnonBytes - empty.rssAnonBytes < RSS_ANON_BYTES_MAX,
    ],
  ] as const;
  for (const [what, passed] of checks) console.log(`${passed ? 'met' : 'MISSED'}: ${what}`);
  process.exitCode = checks.every(([, passed]) => passed) ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

function medians(figures: readonly IdleFigures[]): IdleFigures {
  const of = (name: keyof IdleFigures) => median(figures.map((one) => one[name]));
  return {
    firstAckMs: of('firstAckMs'),
    firstAckCpuMs: of('firstAckCpuMs'),
    p50Ms: of('p50Ms'),
    rssAnonBytes: of('rssAnonBytes'),
  };
}

function row(empty: IdleFigures, full: IdleFigures): string {
  const cells = [
    empty.firstAckMs.toFixed(0),
    full.firstAckMs.toFixed(0),
    empty.firstAckCpuMs.toFixed(0),
    full.firstAckCpuMs.toFixed(0),
    empty.p50Ms.toFixed(2),
    full.p50Ms.toFixed(2),
    (empty.rssAnonBytes / 1e6).toFixed(0),
    (full.rssAnonBytes / 1e6).toFixed(0),
  ];
  return cells.join(' | ');
}
