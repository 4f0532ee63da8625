import { performance } from 'node:perf_hooks';
import { ApiKey } from '../../lib/wire/apis.ts';
import { encodeRequest } from '../../lib/wire/client-frame.ts';
import { FrameStream } from './frame-stream.ts';
import { quantile, Samples } from './statistics.ts';

const FETCH_VERSION = 11;

/** What consumers ask for by default (max.partition.fetch.bytes). */
const PARTITION_MAX_BYTES = 1024 * 1024;

/** Behind the size prefix: correlation id, throttle time, then the error of the whole answer (version 11 has no tags). */
const ERROR_AT = 4 + 4 + 4;

export interface FetchLoad {
  readonly port: number;
  readonly topic: string;
  /** One connection reads each. */
  readonly partitions: readonly number[];
  readonly batchBytes: number;
  readonly recordsPerBatch: number;
  readonly recordBytes: number;
  readonly batchesPerPartition: number;
  /** Everything is read once, and then again until so much time has passed; 0 for a single pass. */
  readonly durationMs: number;
}

export interface FetchResult {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly generatorCpu: number;
  readonly elapsedMs: number;
}

/** Reads partitions from beginning to end, over and over, one request in flight per connection. */
export async function runFetchLoad(load: FetchLoad): Promise<FetchResult> {
  const samples = new Samples();
  const readers = await Promise.all(load.partitions.map((partition) => Reader.open(load, partition, samples)));
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all(readers.map((reader) => reader.run()));
  const elapsedMs = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  const batches = readers.reduce((sum, reader) => sum + reader.batchesRead, 0);
  const recordsPerSecond = (batches * load.recordsPerBatch * 1000) / elapsedMs;
  const sorted = samples.sorted();
  return {
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * load.recordBytes) / 1e6,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    generatorCpu: (cpu.user + cpu.system) / 1000 / elapsedMs,
    elapsedMs,
  };
}

/**
 * Reads one partition. All batches are of the same size, so that the bytes of an answer tell how many batches it has and
 * where to go on, without a look at them.
 */
class Reader {
  readonly #stream: FrameStream;
  readonly #load: FetchLoad;
  readonly #samples: Samples;
  readonly #request: Buffer;
  readonly #offsetAt: number;
  #nextBatch = 0;
  #batchesRead = 0;
  #startedAt = 0;
  #sentAt = 0;
  #done: { resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(stream: FrameStream, load: FetchLoad, partition: number, samples: Samples) {
    this.#stream = stream;
    this.#load = load;
    this.#samples = samples;
    this.#request = fetchFrame(load.topic, partition, 0);
    this.#offsetAt = lastDifference(this.#request, fetchFrame(load.topic, partition, 1)) - 7;
  }

  static async open(load: FetchLoad, partition: number, samples: Samples): Promise<Reader> {
    let reader: Reader | undefined;
    const stream = await FrameStream.open(load.port, (head, bytes) => reader!.#answered(head, bytes));
    reader = new Reader(stream, load, partition, samples);
    return reader;
  }

  get batchesRead(): number {
    return this.#batchesRead;
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#done = { resolve, reject };
      this.#startedAt = performance.now();
      this.#send();
    });
  }

  #send(): void {
    this.#request.writeBigInt64BE(BigInt(this.#nextBatch * this.#load.recordsPerBatch), this.#offsetAt);
    this.#sentAt = performance.now();
    this.#stream.socket.write(this.#request);
  }

  #answered(head: Buffer, bytes: number): void {
    this.#samples.add(performance.now() - this.#sentAt);
    const error = head.readInt16BE(ERROR_AT);
    const batches = Math.floor(bytes / this.#load.batchBytes);
    if (error !== 0 || batches === 0) {
      this.#stream.close();
      this.#done!.reject(new Error(`a fetch was answered with error ${error} and ${bytes} bytes`));
      return;
    }
    this.#batchesRead += batches;
    this.#nextBatch += batches;
    if (this.#nextBatch >= this.#load.batchesPerPartition) {
      this.#nextBatch = 0;
      if (performance.now() - this.#startedAt >= this.#load.durationMs) {
        this.#stream.close();
        this.#done!.resolve();
        return;
      }
    }
    this.#send();
  }
}

function fetchFrame(topic: string, partition: number, fetchOffset: number): Buffer {
  const partitions = [{ partition, fetchOffset, partitionMaxBytes: PARTITION_MAX_BYTES }];
  const body = {
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 50 * 1024 * 1024,
    topics: [{ topic, partitions }],
    forgottenTopicsData: [],
  };
  return Buffer.concat(encodeRequest(ApiKey.Fetch, FETCH_VERSION, 0, 'bench', body));
}

function lastDifference(a: Buffer, b: Buffer): number {
  let at = a.length - 1;
  while (a[at] === b[at]) at--;
  return at;
}
