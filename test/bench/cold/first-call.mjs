// What a new instance of a function does: loads the bundle and answers its first call. Plain JavaScript, run by Node itself, so that nothing
// of a loader is in the figures.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [bundle, eventFile] = process.argv.slice(2);
const event = JSON.parse(readFileSync(eventFile, 'utf8'));
const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 29_000 };

const start = performance.now();
const cpu = process.cpuUsage();
const { handler } = await import(pathToFileURL(bundle).href);
const imported = performance.now();
const answer = await handler(event, context);
const answered = performance.now();
const { user, system } = process.cpuUsage(cpu);

const { maxRSS } = process.resourceUsage();
const figures = {
  importMs: imported - start,
  callMs: answered - imported,
  cpuMs: (user + system) / 1_000,
  maxRssBytes: maxRSS * 1_024,
  answer,
};
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
