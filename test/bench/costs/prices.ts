/**
 * Prices of AWS that the bench multiplies its counts by: DynamoDB on demand and S3 Standard in
 * us-east-1, without taxes, free tiers and data transfer. A gateway in the same Region reaches both
 * through gateway endpoints without a charge. Sources, read in November 2026:
 * https://aws.amazon.com/dynamodb/pricing/on-demand/ and https://aws.amazon.com/s3/pricing/
 */
export const PRICES = {
  region: 'us-east-1',
  date: 'November 2026',
  /** Dollars per request unit. */
  dynamodb: { writeUnit: 0.625e-6, readUnit: 0.125e-6 },
  /** Dollars per request. A DELETE costs nothing; a LIST costs as much as a PUT. */
  s3: { put: 5e-6, get: 0.4e-6, list: 5e-6 },
  /** Dollars for keeping a GB (10^9 bytes) for a month of 30 days. */
  storage: { dynamodb: 0.25, s3: 0.023 },
  /** Dollars per request and per GB-second on arm64. https://aws.amazon.com/lambda/pricing/ */
  lambda: { request: 0.2e-6, gbSecond: 13.3334e-6 },
  /** Dollars per request of an HTTP API. https://aws.amazon.com/api-gateway/pricing/ */
  httpApi: { request: 1e-6 },
} as const;

/** A write unit is 1 KB of an item, a strongly consistent read unit 4 KB; each request rounds up. */
export const WRITE_UNIT_BYTES = 1024;
export const READ_UNIT_BYTES = 4096;

/** What DynamoDB adds to the size of an item where it charges for storage; bytes. */
export const STORED_ITEM_OVERHEAD_BYTES = 100;
