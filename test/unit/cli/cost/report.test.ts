import { describe, expect, it } from 'vitest';
import { metricsUrl, parseMetrics, type Reading } from '../../../../lib/cli/cost/reading.ts';
import { costReport, reportText } from '../../../../lib/cli/cost/report.ts';
import { noUnits, type Units } from '../../../../lib/cost/charge.ts';
import { US_EAST_1 } from '../../../../lib/cost/prices.ts';

function reading(atMs: number, units: Readonly<Record<string, Partial<Units>>>, startedAt = 7): Reading {
  const full = Object.entries(units).map(([cause, some]) => [cause, { ...noUnits(), ...some }] as const);
  return { atMs, startedAt, units: new Map(full) };
}

const report = (before: Reading, after: Reading) => costReport(before, after, 'us-east-1', US_EAST_1);

describe('the report of two readings', () => {
  const before = reading(5_000, { entries: { write: 100, read: 0.5 } });
  const after = reading(15_000, { entries: { write: 300, read: 0.5 }, 'WAL objects': { put: 2 } });

  it('has dollars per day at the rate between them and dollars since the start, the dearest cause first', () => {
    const { causes, all, seconds } = report(before, after)!;
    expect(seconds).toBe(10);
    expect(causes.map(({ cause }) => cause)).toEqual(['entries', 'WAL objects']);
    const [entries, wal] = causes;
    // 200 write units in 10 s are 1,728,000 a day, at $0.625 a million.
    expect(entries!.unitsBetween).toEqual({ ...noUnits(), write: 200 });
    expect(entries!.usdPerDay).toBeCloseTo(1.08, 9);
    expect(entries!.usdSinceStart).toBeCloseTo(300 * 0.625e-6 + 0.5 * 0.125e-6, 12);
    // 2 PUTs in 10 s are 17,280 a day, at $5 a million.
    expect(wal!.usdPerDay).toBeCloseTo(0.0864, 9);
    expect(wal!.usdSinceStart).toBeCloseTo(1e-5, 12);
    expect(all.units).toEqual({ ...noUnits(), write: 300, read: 0.5, put: 2 });
    expect(all.usdPerDay).toBeCloseTo(1.1664, 9);
  });

  it('is shown as a table', () => {
    expect(reportText(report(before, after)!).split('\n').slice(0, 4)).toEqual([
      'CAUSE        WRITE  READ  PUT  GET  LIST  DELETE  $/DAY   $ SINCE START',
      'entries        300   0.5    0    0     0       0  1.0800  0.000188',
      'WAL objects      0     0    2    0     0       0  0.0864  0.000010',
      'all            300   0.5    2    0     0       0  1.1664  0.000198',
    ]);
  });

  it('is none if the process was started again between them', () => {
    const units = { entries: { write: 100 } };
    expect(report(reading(0, units), reading(1_000, units, 8))).toBeUndefined();
    expect(report(reading(0, units), reading(1_000, { entries: { write: 99 } }))).toBeUndefined();
    expect(report(reading(0, units), reading(1_000, {}))).toBeUndefined();
    expect(report(reading(0, units), reading(1_000, units))!.all.usdPerDay).toBe(0);
  });
});

describe('a page of metrics', () => {
  const head = '# HELP tidelog_store_units_total x\n# TYPE tidelog_store_units_total counter\n';

  it('has units by cause and kind, and the start of the process', () => {
    const text =
      `${head}tidelog_store_units_total{cause="due list",kind="write"} 3\n` +
      'tidelog_store_units_total{cause="due list",kind="read"} 1.5\n' +
      'tidelog_store_units_total{cause="due list",kind="of a later version"} 9\n' +
      'tidelog_store_dollars_total{cause="due list"} 1.25e-7\nprocess_start_time_seconds 1796000000\n';
    expect(parseMetrics(text, 5)).toEqual(reading(5, { 'due list': { write: 3, read: 1.5 } }, 1_796_000_000));
  });

  it('may have none', () => {
    expect(parseMetrics(head, 5)).toEqual({ atMs: 5, startedAt: undefined, units: new Map() });
    expect(parseMetrics('go_goroutines 7\n', 5)).toBeUndefined();
  });
});

it.each([
  ['localhost:9404', 'http://localhost:9404/metrics'],
  ['https://gateway.example/', 'https://gateway.example/metrics'],
  ['http://127.0.0.1:9404/other', 'http://127.0.0.1:9404/other'],
])('the address %s is %s', (text, url) => {
  expect(metricsUrl(text).href).toBe(url);
});

it('an address that is none is refused', () => {
  expect(() => metricsUrl('http://:x')).toThrow('--metrics http://:x is no address');
});
