import { performance } from 'node:perf_hooks';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { batchOf, produceRequest } from '../../support/requests.ts';
import { BrokerProcess } from '../broker.ts';
import { MachineLoad } from '../machine-load.ts';
import { runProduceLoad } from '../produce-load.ts';
import { median } from '../statistics.ts';
import { BUSY_TOPIC } from './fill-store.ts';

/** One record per request and one request in flight: what a single synchronous producer sees. */
const LOAD = { topic: BUSY_TOPIC, recordBytes: 100, recordsPerBatch: 1, inFlight: 1, warmUpMs: 100 };
const NO_HOOKS = { begin: async () => {}, end: async () => {} };

/** A broker that has just started takes twice the CPU for each of its first requests. */
const PREPARATION_MS = 2_000;

/** The two brokers take turns: the disk's speed changes within seconds, and must meet both alike. */
const TURNS = 8;
const TURN_MS = 500;

/** What one broker did in one run. */
export interface IdleFigures {
  /** From before the process was started to the answer to its first produce request; ms. */
  readonly firstAckMs: number;
  /** What the broker's process had used of the CPU by then, which other programs do not change much; ms. */
  readonly firstAckCpuMs: number;
  /** Median of the turns' medians; ms. */
  readonly p50Ms: number;
  /** The largest seen; bytes. */
  readonly rssAnonBytes: number;
}

export interface IdleRun {
  readonly empty: IdleFigures;
  readonly full: IdleFigures;
  /** CPU that other programs took meanwhile; 1 is one core. */
  readonly othersCpu: number;
}

let producerId = 1_000;

/** Starts a broker over each of the stores, one after the other, `first` first, and produces to both by turns. */
export async function idleRun(emptyStore: string, fullStore: string, first: 'empty' | 'full'): Promise<IdleRun> {
  const early = await Measured.start(first === 'empty' ? emptyStore : fullStore);
  const late = await Measured.start(first === 'empty' ? fullStore : emptyStore);
  const [empty, full] = first === 'empty' ? [early, late] : [late, early];
  try {
    for (const one of [empty, full]) await one.produce(PREPARATION_MS);
    const machine = new MachineLoad();
    const cpuBefore = process.cpuUsage();
    const before = await Promise.all([empty.cpuMs(), full.cpuMs()]);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const one of turn % 2 === 0 ? [empty, full] : [full, empty]) one.p50s.push(await one.produce(TURN_MS));
    }
    const after = await Promise.all([empty.cpuMs(), full.cpuMs()]);
    const own = process.cpuUsage(cpuBefore);
    const brokersMs = after[0]! - before[0]! + after[1]! - before[1]!;
    const othersCpu = machine.others(brokersMs + (own.user + own.system) / 1000);
    return { empty: empty.figures(), full: full.figures(), othersCpu };
  } finally {
    await empty.broker.stop();
    await full.broker.stop();
  }
}

class Measured {
  readonly broker: BrokerProcess;
  readonly p50s: number[] = [];
  readonly #firstAckMs: number;
  readonly #firstAckCpuMs: number;

  private constructor(broker: BrokerProcess, firstAckMs: number, firstAckCpuMs: number) {
    this.broker = broker;
    this.#firstAckMs = firstAckMs;
    this.#firstAckCpuMs = firstAckCpuMs;
  }

  static async start(directory: string): Promise<Measured> {
    const start = performance.now();
    const broker = await BrokerProcess.start('embedded', directory);
    const client = await TcpClient.connect({ host: '127.0.0.1', port: broker.port });
    const topic = { name: BUSY_TOPIC, id: '' };
    const { responses } = await client.ask(ApiKey.Produce, 9, produceRequest(topic, batchOf(['first'])));
    const firstAckMs = performance.now() - start;
    client.close();
    const error = responses[0]!.partitionResponses[0]!.errorCode;
    if (error !== 0) throw new Error(`the first produce request was answered with error ${error}`);
    return new Measured(broker, firstAckMs, (await broker.report()).cpuMs);
  }

  async cpuMs(): Promise<number> {
    return (await this.broker.report()).cpuMs;
  }

  async produce(durationMs: number): Promise<number> {
    const load = { ...LOAD, port: this.broker.port, durationMs, producerIds: [producerId++] };
    return (await runProduceLoad(load, NO_HOOKS)).p50Ms;
  }

  figures(): IdleFigures {
    return {
      firstAckMs: this.#firstAckMs,
      firstAckCpuMs: this.#firstAckCpuMs,
      p50Ms: median(this.p50s),
      rssAnonBytes: this.broker.rssAnonMax,
    };
  }
}
