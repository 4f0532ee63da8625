import { UNITS } from '../../../lib/cost/charge.ts';
import { DEFAULT_REGION, dollarsOf, US_EAST_1 } from '../../../lib/cost/prices.ts';
import { noRequests, plus, STORED } from './bill.ts';
import { type Case, type Figures, GIB, perGiB, runCase } from './run.ts';

// Requests and bytes per GiB, counted at the stores, and what AWS charges for them. No figure comes
// from a clock of this machine. Run it with: npm run bench:costs [-- RATE... PROFILE...]

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const RATES = [
  { name: '1 KB/s', recordsPerSecond: 1, recordsPerBatch: 1, durationMs: 6 * HOUR_MS },
  { name: '100 KB/s', recordsPerSecond: 100, recordsPerBatch: 1, durationMs: 22 * MINUTE_MS },
  { name: '10 MB/s', recordsPerSecond: 10_000, recordsPerBatch: 16, durationMs: 110_000 },
];
const PROFILES = ['default', 'cost', 'latency'] as const;

const wanted = process.argv.slice(2);
/** Those that were asked for; all if none was. */
function chosen<T>(all: readonly T[], nameOf: (one: T) => string): readonly T[] {
  const some = all.filter((one) => wanted.includes(nameOf(one)));
  return some.length === 0 ? all : some;
}
const rates = chosen(RATES, ({ name }) => name.split(' ')[0]!);
const profiles = chosen(PROFILES, (name) => name);

process.stdout.write(`Prices: ${DEFAULT_REGION}, ${US_EAST_1['dynamodb.writeUnit'].date}.\n`);
for (const { name, durationMs, ...load } of rates) {
  for (const profile of profiles) {
    const begun = Date.now();
    const of: Case = { profile, load, durationMs, withAfterlife: true };
    print(`${name}, ${profile}`, await runCase(of));
    process.stderr.write(`${Date.now() - begun} ms\n`);
  }
}

function print(title: string, figures: Figures): void {
  const rows = [...perGiB(figures)].map(([cause, requests]) => ({
    cause,
    requests,
    dollars: dollarsOf(requests, US_EAST_1),
  }));
  rows.sort((a, b) => b.dollars - a.dollars);
  const all = rows.reduce((sum, { requests }) => plus(sum, requests), noRequests());
  const gib = figures.producedBytes / GIB;
  const lines = [
    `\n## ${title}: ${gib.toFixed(3)} GiB written, ${(figures.consumedBytes / GIB).toFixed(3)} read\n`,
    '| cause | write units | read units | PUT | GET | LIST | DELETE | $ per GiB |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows
      .filter(({ dollars, requests }) => dollars > 0 || requests.delete > 0)
      .map(({ cause, requests }) => row(cause, requests)),
    row('all requests', all),
  ];
  const { dynamodb, s3 } = figures.storage;
  lines.push(`\nStorage: DynamoDB $${(dynamodb / gib).toFixed(6)}, S3 $${(s3 / gib).toFixed(6)} per GiB.`);
  lines.push(
    `Bytes to the stores ${(all.bytesIn / GIB).toFixed(2)}, from them ${(all.bytesOut / GIB).toFixed(2)} GiB per GiB.`,
  );
  const idle = [...figures.perIdleDay.values()].reduce((sum, requests) => plus(sum, requests), noRequests());
  lines.push(`Idle gateway: $${(dollarsOf(idle, US_EAST_1) * 30).toFixed(3)} per month.`);
  lines.push('\nStored, MB, at the end of the writing and after so many days:\n');
  lines.push(`| day | ${STORED.join(' | ')} |`, `|--:|${STORED.map(() => '--:|').join('')}`);
  figures.storedByDay.forEach((stored, day) => {
    lines.push(`| ${day} | ${STORED.map((kind) => (stored[kind] / 1e6).toFixed(2)).join(' | ')} |`);
  });
  process.stdout.write(`${lines.join('\n')}\n`);
}

function row(cause: string, requests: ReturnType<typeof noRequests>): string {
  const counts = UNITS.map((unit) => Math.round(requests[unit]).toLocaleString('en'));
  return `| ${cause} | ${counts.join(' | ')} | ${dollarsOf(requests, US_EAST_1).toFixed(6)} |`;
}
