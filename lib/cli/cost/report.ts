import { noUnits, UNITS, type Unit, type Units } from '../../cost/charge.ts';
import { dollarsOf, type RegionPrices } from '../../cost/prices.ts';
import { showDuration, table } from '../terminal/text.ts';
import type { Reading } from './reading.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What is printed of a cause, or of all. */
export interface CostRow {
  readonly cause: string;
  /** Since the process began. */
  readonly units: Units;
  /** Between the two readings. */
  readonly unitsBetween: Units;
  readonly usdPerDay: number;
  readonly usdSinceStart: number;
}

/** The output of `tidelog cost --json`. */
export interface CostReport {
  readonly region: string;
  /** Months in which the prices were read. */
  readonly pricesOf: readonly string[];
  /** Between the two readings. */
  readonly seconds: number;
  readonly causes: readonly CostRow[];
  readonly all: CostRow;
}

/**
 * What a process costs, from two readings of its metrics; undefined if it was started again between
 * them.
 */
export function costReport(
  before: Reading,
  after: Reading,
  region: string,
  prices: RegionPrices,
): CostReport | undefined {
  const ms = after.atMs - before.atMs;
  const row = (cause: string, units: Units, unitsBetween: Units): CostRow => ({
    cause,
    units,
    unitsBetween,
    usdPerDay: (dollarsOf(unitsBetween, prices) * DAY_MS) / ms,
    usdSinceStart: dollarsOf(units, prices),
  });
  const isOther = before.startedAt !== after.startedAt;
  const isLess = [...before.units].some(([cause, units]) =>
    UNITS.some((unit) => units[unit] > (after.units.get(cause)?.[unit] ?? 0)),
  );
  if (isOther || isLess) return undefined;
  const causes = [...after.units].map(([cause, units]) =>
    row(cause, units, sum([units], [before.units.get(cause) ?? noUnits()])),
  );
  causes.sort((a, b) => b.usdPerDay - a.usdPerDay || b.usdSinceStart - a.usdSinceStart);
  return {
    region,
    pricesOf: [...new Set(Object.values(prices).map(({ date }) => date))].sort(),
    seconds: ms / 1000,
    causes,
    all: row('all', sum(causes.map(({ units }) => units)), sum(causes.map(({ unitsBetween }) => unitsBetween))),
  };
}

/** The sum of some units, less others. */
function sum(added: readonly Units[], taken: readonly Units[] = []): Units {
  const of = (list: readonly Units[], unit: Unit) => list.reduce((total, units) => total + units[unit], 0);
  return Object.fromEntries(UNITS.map((unit) => [unit, of(added, unit) - of(taken, unit)])) as Units;
}

/** The report as a table: units since the process began, and dollars. */
export function reportText({ region, pricesOf, seconds, causes, all }: CostReport): string {
  const cells = ({ cause, units, usdPerDay, usdSinceStart }: CostRow) => [
    cause,
    ...UNITS.map((unit) => units[unit]),
    usdPerDay.toFixed(4),
    usdSinceStart.toFixed(6),
  ];
  const headings = ['CAUSE', ...UNITS.map((unit) => unit.toUpperCase()), '$/DAY', '$ SINCE START'];
  return (
    `${table(headings, [...causes, all].map(cells))}\n` +
    `Units and the last column are since the process began; dollars per day are at the rate of the last ${showDuration(seconds * 1000)}.\n` +
    `Calls to the store only, at the prices of ${region}, ${pricesOf.join(', ')}. If the store is not aws: what they would cost there.\n`
  );
}
