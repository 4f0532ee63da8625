import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noUnits } from '../../../lib/cost/charge.ts';
import { parsePriceFile } from '../../../lib/cost/price-file.ts';
import { dollarsOf, PRICES, type RegionPrices, US_EAST_1 } from '../../../lib/cost/prices.ts';

const file = (region: unknown, name = 'eu-central-1') => parsePriceFile(JSON.stringify({ [name]: region }));

describe('the price book', () => {
  it('has a date and a source for every price', () => {
    for (const prices of PRICES.values()) {
      for (const { usd, date, source } of Object.values(prices)) {
        expect(usd).toBeGreaterThanOrEqual(0);
        expect(date).toMatch(/^20\d\d-\d\d$/);
        expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
      }
    }
  });

  it('prices a million of each unit as AWS lists it', () => {
    const million = (unit: 'write' | 'read' | 'put' | 'get' | 'list' | 'delete') =>
      dollarsOf({ ...noUnits(), [unit]: 1e6 }, US_EAST_1);
    expect(million('write')).toBeCloseTo(0.625, 9);
    expect(million('read')).toBeCloseTo(0.125, 9);
    expect(million('put')).toBeCloseTo(5, 9);
    expect(million('get')).toBeCloseTo(0.4, 9);
    expect(million('list')).toBeCloseTo(5, 9);
    expect(million('delete')).toBe(0);
  });
});

describe('a file of prices', () => {
  it('may look as the one in docs/COSTS.md', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/COSTS.md'), 'utf8');
    const example = /```json\n(.*?)```/s.exec(text)![1]!;
    expect(parsePriceFile(example)).toMatchObject({ kind: 'book' });
  });

  it('may hold several Regions', () => {
    const dearer: RegionPrices = {
      ...US_EAST_1,
      's3.put': { usd: 5.4e-6, date: '2026-11-30', source: 'our contract' },
    };
    const parsed = parsePriceFile(JSON.stringify({ 'us-east-1': US_EAST_1, 'eu-central-1': dearer }));
    expect(parsed).toEqual({
      kind: 'book',
      prices: new Map([
        ['us-east-1', US_EAST_1],
        ['eu-central-1', dearer],
      ]),
    });
  });

  const price = { usd: 1e-6, date: '2026-11', source: 'x' };
  it.each([
    ['no object', 3, 'eu-central-1 is 3. Needed is an object with the prices dynamodb.writeUnit, '],
    [
      'an unknown price',
      { ...US_EAST_1, 's3.pots': price },
      'eu-central-1 has the unknown key "s3.pots". Allowed are dynamodb.writeUnit, dynamodb.readUnit, ',
    ],
    [
      'a missing price',
      { ...US_EAST_1, 's3.list': undefined },
      'eu-central-1 has no "s3.list", which is needed: the price of a LIST.',
    ],
    [
      'a price that is a number',
      { ...US_EAST_1, 's3.put': 5e-6 },
      'eu-central-1, s3.put is 0.000005. Needed is an object with usd, date, source.',
    ],
    [
      'a negative number',
      { ...US_EAST_1, 's3.put': { ...price, usd: -5 } },
      'eu-central-1, s3.put, usd is -5. Needed is a number of dollars from 0 on.',
    ],
    [
      'a text for a number',
      { ...US_EAST_1, 's3.put': { ...price, usd: '5' } },
      'eu-central-1, s3.put, usd is "5". Needed is a number of dollars from 0 on.',
    ],
    [
      'another form of date',
      { ...US_EAST_1, 's3.put': { ...price, date: '11/26' } },
      'eu-central-1, s3.put, date is "11/26". Needed is the year and month when the price was read, such as "2026-11".',
    ],
    [
      'no source',
      { ...US_EAST_1, 's3.put': { usd: 1, date: '2026-11' } },
      'eu-central-1, s3.put has no "source", which is needed: a text that says where the price stands, ',
    ],
    [
      'an unknown field',
      { ...US_EAST_1, 's3.put': { ...price, per: 1 } },
      'eu-central-1, s3.put has the unknown key "per". Allowed are usd, date, source.',
    ],
  ])('with %s is refused with a sentence', (_, region, problem) => {
    expect(file(region)).toEqual({ kind: 'invalid', problem: expect.stringContaining(problem) });
  });

  it.each([
    ['{"us-east-1":', 'It is not JSON: '],
    ['{}', 'It has no Region: at least one is needed.'],
    ['7', 'It is 7. Needed is an object with prices by Region.'],
    [JSON.stringify([US_EAST_1]), '"0" is no Region. Needed is a name such as us-east-1.'],
    [JSON.stringify({ Frankfurt: US_EAST_1 }), '"Frankfurt" is no Region. '],
    [JSON.stringify('x'.repeat(5_000)), 'x.... Needed is an object with prices by Region.'],
  ])('%.20s is refused with a sentence', (text, problem) => {
    expect(parsePriceFile(text)).toEqual({ kind: 'invalid', problem: expect.stringContaining(problem) });
  });
});
