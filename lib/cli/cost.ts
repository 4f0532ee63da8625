import { sleep, systemClock } from '../core/clock.ts';
import { DEFAULT_REGION, PRICES, type PriceBook, type RegionPrices } from '../cost/prices.ts';
import { readTextFile } from './client/files.ts';
import type { CommandIo } from './command.ts';
import { metricsUrl, readMetrics } from './cost/reading.ts';
import { costReport, reportText } from './cost/report.ts';
import { CommandError, usageError } from './failure.ts';
import { type Command, newProgram, wholeNumber, withExamples } from './program.ts';
import { json } from './terminal/text.ts';

const METRICS_URL = 'http://127.0.0.1:9404/metrics';
const SECONDS_DEFAULT = 10;
const SECONDS_MAX = 24 * 60 * 60;

interface CostFlags {
  readonly metrics: string;
  readonly seconds: number;
  readonly prices?: string;
  readonly region: string;
  readonly json?: boolean;
}

/** `tidelog cost`: what the calls of a process to its store cost, from two readings of its metrics. */
export function costProgram(io: CommandIo): Command {
  const program = newProgram('cost', 'Shows what a process costs on AWS: its calls to the store, by cause.', io)
    .option('--metrics <url>', 'where the process serves its metrics: its --metrics-port', METRICS_URL)
    .option(
      '--seconds <n>',
      'time between the two readings that tell the rate',
      wholeNumber(1, SECONDS_MAX),
      SECONDS_DEFAULT,
    )
    .option('--prices <file>', 'a price book, JSON, in place of the one of tidelog')
    .option('--region <name>', 'the Region whose prices count', DEFAULT_REGION)
    .option('--json', 'prints JSON, also for errors');
  return withExamples(program, [
    ['tidelog cost', 'What the Tidelog costs that tidelog dev --metrics-port 9404 runs on this machine'],
    ['tidelog cost --metrics gateway.example:9404 --seconds 60 --json', 'Another one, over a minute, for a program'],
    ['tidelog cost --prices ours.json --region eu-central-1', 'By prices of your own'],
  ]).action(async (flags: CostFlags) => {
    const url = metricsUrl(flags.metrics);
    const prices = await pricesOf(flags);
    const before = await readMetrics(url);
    await sleep(systemClock, flags.seconds * 1000);
    const report = costReport(before, await readMetrics(url), flags.region, prices);
    if (report === undefined) {
      throw new CommandError(`The process at ${url} was started again between the two readings: try once more.`);
    }
    io.out(flags.json ? json(report) : reportText(report));
  });
}

/** Throws CommandError. */
async function pricesOf({ prices: path, region }: CostFlags): Promise<RegionPrices> {
  const book = path === undefined ? PRICES : await readBook(path);
  const prices = book.get(region);
  if (prices !== undefined) return prices;
  const owner = path ?? 'The price book of tidelog';
  const advice = path === undefined ? ' --prices takes a file with those of other Regions.' : '';
  throw usageError(
    `${owner} has no prices of Region ${region}. It has those of ${[...book.keys()].join(', ')}.${advice}`,
  );
}

/** Loads what checks the file only if there is one. Throws CommandError. */
async function readBook(path: string): Promise<PriceBook> {
  const text = readTextFile(path);
  const { parsePriceFile } = await import('../cost/price-file.ts');
  const parsed = parsePriceFile(text);
  if (parsed.kind === 'book') return parsed.prices;
  throw usageError(`${path} is not a price book. ${parsed.problem}`);
}
