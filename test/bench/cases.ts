/** One row of the table. */
export type BenchCase = ProduceCase | FetchCase;

export interface ProduceCase {
  readonly kind: 'produce';
  readonly name: string;
  /** `latency`: one record per request, one request in flight per connection. `throughput`: batches, several in flight. */
  readonly mode: 'latency' | 'throughput';
  readonly recordBytes: number;
  readonly recordsPerBatch: number;
  readonly connections: number;
  readonly inFlight: number;
}

export interface FetchCase {
  readonly kind: 'fetch';
  readonly name: string;
  /** `cold`: the broker was started anew, so that its own cache is empty; the kernel's page cache is not. */
  readonly mode: 'cached' | 'cold';
  readonly recordBytes: number;
  readonly recordsPerBatch: number;
  readonly connections: number;
  /** Over all partitions. */
  readonly batches: number;
}

const RECORD_SIZES = [100, 1_000, 10_000];
const CONNECTIONS = [1, 16];

/** What producers that batch well send; several times Kafka's default batch.size, as is common where throughput counts. */
const BATCH_BYTES = 64 * 1024;

/** Kafka's default for max.in.flight.requests.per.connection. */
const IN_FLIGHT = 5;

/** What a record takes in a batch beside its value; length, timestamp and offset deltas, absent key, no headers. */
const RECORD_OVERHEAD_BYTES = 8;

/** Fits into the default cache (64 MiB) with the entries' own cost. */
const CACHED_BATCHES = 640;

/** Several times the default cache. */
const COLD_BATCHES = 4_000;

function sizeName(bytes: number): string {
  return bytes < 1_000 ? `${bytes}B` : `${bytes / 1_000}KB`;
}

function recordsPerBatch(recordBytes: number): number {
  return Math.max(1, Math.floor(BATCH_BYTES / (recordBytes + RECORD_OVERHEAD_BYTES)));
}

const produceCases = RECORD_SIZES.flatMap((recordBytes) =>
  CONNECTIONS.flatMap((connections): ProduceCase[] => [
    {
      kind: 'produce',
      name: `produce-latency-${sizeName(recordBytes)}-${connections}`,
      mode: 'latency',
      recordBytes,
      recordsPerBatch: 1,
      connections,
      inFlight: 1,
    },
    {
      kind: 'produce',
      name: `produce-throughput-${sizeName(recordBytes)}-${connections}`,
      mode: 'throughput',
      recordBytes,
      recordsPerBatch: recordsPerBatch(recordBytes),
      connections,
      inFlight: IN_FLIGHT,
    },
  ]),
);

const fetchCases = CONNECTIONS.flatMap((connections): FetchCase[] => [
  {
    kind: 'fetch',
    name: `fetch-cached-1KB-${connections}`,
    mode: 'cached',
    recordBytes: 1_000,
    recordsPerBatch: recordsPerBatch(1_000),
    connections,
    batches: CACHED_BATCHES,
  },
  {
    kind: 'fetch',
    name: `fetch-cold-1KB-${connections}`,
    mode: 'cold',
    recordBytes: 1_000,
    recordsPerBatch: recordsPerBatch(1_000),
    connections,
    batches: COLD_BATCHES,
  },
]);

export const CASES: readonly BenchCase[] = [...produceCases, ...fetchCases];
