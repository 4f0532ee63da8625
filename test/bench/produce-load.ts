import { performance } from 'node:perf_hooks';
import type { CodecId } from '../../lib/records/compression/codec.ts';
import { FrameStream } from './frame-stream.ts';
import { errorCodeAt, ProduceFrame } from './produce-frames.ts';
import { quantile, Samples } from './statistics.ts';

const CORRELATION_ID_AT = 4;

export interface ProduceLoad {
  readonly port: number;
  readonly topic: string;
  /** One connection each, with its own partition: their number is the number of connections. */
  readonly producerIds: readonly number[];
  readonly recordBytes: number;
  readonly recordsPerBatch: number;
  readonly codec?: CodecId | undefined;
  readonly value?: ((index: number) => Buffer) | undefined;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface LoadResult {
  readonly recordsPerSecond: number;
  /** Of record values; 10^6 bytes. */
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of this process per elapsed time: near 1 it would be the generator that is measured. */
  readonly generatorCpu: number;
  /** Between the ends of warm-up and measurement. */
  readonly elapsedMs: number;
  readonly batchBytes: number;
}

/** Called as the measurement begins and ends, to take the broker's figures at the same moments. */
export interface LoadHooks {
  begin(): Promise<void>;
  /** `generatorMs`: CPU time of this process since `begin`. */
  end(generatorMs: number): Promise<void>;
}

/** Produces as fast as it is answered. Throws for any answer with an error. */
export async function runProduceLoad(load: ProduceLoad, hooks: LoadHooks): Promise<LoadResult> {
  const measuring: Measuring = { samples: undefined, failure: undefined };
  const producers = await Promise.all(
    load.producerIds.map((producerId, index) => Producer.open(load, producerId, index, measuring)),
  );
  for (const producer of producers) producer.start();
  await pause(load.warmUpMs);
  await hooks.begin();
  const samples = new Samples();
  measuring.samples = samples;
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await pause(load.durationMs);
  const elapsedMs = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  measuring.samples = undefined;
  const generatorMs = (cpu.user + cpu.system) / 1000;
  await hooks.end(generatorMs);
  await Promise.all(producers.map((producer) => producer.finish()));
  if (measuring.failure !== undefined) throw new Error(measuring.failure);
  const sorted = samples.sorted();
  const recordsPerSecond = (samples.count * load.recordsPerBatch * 1000) / elapsedMs;
  return {
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * load.recordBytes) / 1e6,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    generatorCpu: generatorMs / elapsedMs,
    elapsedMs,
    batchBytes: producers[0]!.batchBytes,
  };
}

interface Measuring {
  samples: Samples | undefined;
  failure: string | undefined;
}

/** One connection with up to `inFlight` requests on their way; a frame is used again once it is answered. */
class Producer {
  readonly #stream: FrameStream;
  readonly #frames: ProduceFrame[];
  readonly #sentAt: number[];
  readonly #load: ProduceLoad;
  readonly #measuring: Measuring;
  readonly #errorAt: number;
  #sequence = 0;
  #pending = 0;
  #isStopping = false;
  #onIdle = () => {};

  private constructor(stream: FrameStream, load: ProduceLoad, frames: ProduceFrame[], measuring: Measuring) {
    this.#stream = stream;
    this.#load = load;
    this.#frames = frames;
    this.#sentAt = frames.map(() => 0);
    this.#measuring = measuring;
    this.#errorAt = errorCodeAt(load.topic);
  }

  static async open(load: ProduceLoad, producerId: number, partition: number, measuring: Measuring): Promise<Producer> {
    const { topic, recordBytes, recordsPerBatch, codec, value } = load;
    const shape = { topic, partition, producerId, recordBytes, recordsPerBatch, codec, value };
    const frames = Array.from({ length: load.inFlight }, () => new ProduceFrame(shape));
    let producer: Producer | undefined;
    const stream = await FrameStream.open(load.port, (head) => producer!.#answered(head));
    producer = new Producer(stream, load, frames, measuring);
    return producer;
  }

  get batchBytes(): number {
    return this.#frames[0]!.batchBytes;
  }

  start(): void {
    for (let slot = 0; slot < this.#frames.length; slot++) this.#send(slot);
  }

  /** Resolves when everything sent is answered. */
  async finish(): Promise<void> {
    this.#isStopping = true;
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#stream.close();
  }

  #send(slot: number): void {
    const frame = this.#frames[slot]!;
    frame.set(slot, this.#sequence);
    this.#sequence = (this.#sequence + this.#load.recordsPerBatch) % 2 ** 31;
    this.#pending++;
    this.#sentAt[slot] = performance.now();
    this.#stream.socket.write(frame.bytes);
  }

  #answered(head: Buffer): void {
    const slot = head.readInt32BE(CORRELATION_ID_AT);
    const error = head.readInt16BE(this.#errorAt);
    this.#pending--;
    if (error !== 0) {
      this.#measuring.failure ??= `a produce request was answered with error ${error}`;
      this.#isStopping = true;
    }
    this.#measuring.samples?.add(performance.now() - this.#sentAt[slot]!);
    if (!this.#isStopping) this.#send(slot);
    else if (this.#pending === 0) this.#onIdle();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
