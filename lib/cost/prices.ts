import { UNITS, type Unit, type Units } from './charge.ts';

/** All prices of a Region, and what each is for. */
export const PRICE_NAMES = {
  'dynamodb.writeUnit': 'a write request unit on demand',
  'dynamodb.readUnit': 'a read request unit on demand',
  'dynamodb.storage': 'a GB (10^9 bytes) of items kept for a month of 30 days',
  's3.put': 'a PUT',
  's3.get': 'a GET',
  's3.list': 'a LIST',
  's3.delete': 'a DELETE',
  's3.storage': 'a GB (10^9 bytes) of objects kept for a month of 30 days',
  'lambda.request': 'a call of a function',
  'lambda.gbSecond': 'a GB-second of a function on arm64',
  'httpApi.request': 'a request to an HTTP API',
} as const;
export type PriceName = keyof typeof PRICE_NAMES;

export interface Price {
  /** Dollars, without taxes and free tiers. */
  readonly usd: number;
  /** When it was read: year and month. */
  readonly date: string;
  /** The page that it stands on. */
  readonly source: string;
}

export type RegionPrices = Readonly<Record<PriceName, Price>>;

/** Prices by Region. */
export type PriceBook = ReadonlyMap<string, RegionPrices>;

export const DEFAULT_REGION = 'us-east-1';

const DATE = '2026-11';
const DYNAMODB = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const S3 = 'https://aws.amazon.com/s3/pricing/';
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/';
const API_GATEWAY = 'https://aws.amazon.com/api-gateway/pricing/';

/** DynamoDB on demand, S3 Standard, Lambda on arm64, HTTP API. No data transfer: see docs/COSTS.md. */
export const US_EAST_1: RegionPrices = {
  'dynamodb.writeUnit': { usd: 0.625e-6, date: DATE, source: DYNAMODB },
  'dynamodb.readUnit': { usd: 0.125e-6, date: DATE, source: DYNAMODB },
  'dynamodb.storage': { usd: 0.25, date: DATE, source: DYNAMODB },
  's3.put': { usd: 5e-6, date: DATE, source: S3 },
  's3.get': { usd: 0.4e-6, date: DATE, source: S3 },
  's3.list': { usd: 5e-6, date: DATE, source: S3 },
  's3.delete': { usd: 0, date: DATE, source: S3 },
  's3.storage': { usd: 0.023, date: DATE, source: S3 },
  'lambda.request': { usd: 0.2e-6, date: DATE, source: LAMBDA },
  'lambda.gbSecond': { usd: 13.3334e-6, date: DATE, source: LAMBDA },
  'httpApi.request': { usd: 1e-6, date: DATE, source: API_GATEWAY },
};

export const PRICES: PriceBook = new Map([[DEFAULT_REGION, US_EAST_1]]);

const UNIT_PRICES: Readonly<Record<Unit, PriceName>> = {
  write: 'dynamodb.writeUnit',
  read: 'dynamodb.readUnit',
  put: 's3.put',
  get: 's3.get',
  list: 's3.list',
  delete: 's3.delete',
};

/** What these units cost, dollars. */
export function dollarsOf(units: Units, prices: RegionPrices): number {
  return UNITS.reduce((sum, unit) => sum + units[unit] * prices[UNIT_PRICES[unit]].usd, 0);
}
