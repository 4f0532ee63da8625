import { setTimeout as wait } from 'node:timers/promises';
import { journalId } from '../../lib/storage/items/journal-entry.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { type FoundRecord, findProblems } from '../crash/ledger.ts';
import { readPartition } from '../crash/read-partition.ts';
import { between, seeded } from '../crash/seeded.ts';
import type { Check } from '../simulation/checks.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { createTopic, listOffset, type TopicName } from '../support/requests.ts';
import type { Gateway } from './gateway.ts';
import { LibraryProducer } from './library-producer.ts';
import { Monkey } from './monkey.ts';
import { PipelinedProducer } from './pipelined-producer.ts';
import { makePlan, type PlanOptions } from './plan.ts';
import { KafkajsReader, RawReader, type Reader } from './readers.ts';
import { kafkajsSender, platformaticSender, type SenderOptions } from './senders.ts';
import { Sent } from './sent.ts';
import { replayStored, SlotWatch, StoredLedger } from './stored-journals.ts';
import type { TcpProxy } from './tcp-proxy.ts';
import { Witness } from './witness.ts';

/** Once nothing goes wrong any more, all producers are done within this; ms. */
const SETTLE_MS = 60_000;
/** Readers are at the end so long after the last record was acknowledged; ms. */
const READ_UP_MS = 20_000;
const WATCH_EVERY_MS = 1_000;
const PROBLEMS_MAX = 40;
const LATEST = -1;

export type ProducerKind = 'pipelined' | 'single' | 'kafkajs' | 'platformatic';

export interface ProducerPlan {
  readonly kind: ProducerKind;
  readonly idempotent: boolean;
  readonly partition: number;
  readonly pauseMsMax: number;
}

/** What a scenario runs on. */
export interface Stage {
  readonly gateways: readonly Gateway[];
  /** Between the gateways and what they store in. */
  readonly storeProxies: readonly TcpProxy[];
  /** The same stores without anything between. */
  readonly stores: Stores;
  /** How often a gateway found its slot taken, if that can be told. */
  readonly conflicts: () => number | undefined;
}

export interface RunOptions {
  readonly seed: number;
  readonly partitions: number;
  readonly journals: number;
  readonly producers: readonly ProducerPlan[];
  /** Of the few batches that are too large for an entry. */
  readonly largeBytes: readonly [number, number];
  readonly readers: { readonly raw: number; readonly kafkajs: number };
  readonly plan: Omit<PlanOptions, 'gateways' | 'stores'>;
}

/** Collects what is wrong. */
export class Problems {
  readonly found: string[] = [];
  readonly report = (kind: Check, message: string): void => {
    if (this.found.length < PROBLEMS_MAX) this.found.push(`${kind}: ${message}`);
  };
}

export interface RunResult {
  readonly acknowledged: number;
  /** Producers that had nothing acknowledged. */
  readonly idle: readonly string[];
  readonly monkey: Monkey;
  /** One line for people. */
  readonly summary: string;
}

/** Runs clients against gateways while a plan of troubles is carried out, and then checks everything. */
export async function runChaos(stage: Stage, options: RunOptions, problems: Problems): Promise<RunResult> {
  const { seed, partitions, journals } = options;
  const { report } = problems;
  const { gateways, storeProxies, stores } = stage;
  const chance = seeded(seed);
  const own = () => seeded(between(chance, 0, 2 ** 31));
  const plan = makePlan({ ...options.plan, gateways: gateways.length, stores: storeProxies.length }, own());
  const { troubledMs } = options.plan;

  await Promise.all(gateways.map((gateway) => gateway.start()));
  const topic = await prepareTopic(gateways[0]!, partitions, journals);
  const watch = new SlotWatch(stores, journalIds(topic.id, journals), report);
  const witness = new Witness(partitions, report);
  const addresses = gateways.map(({ address }) => address);
  const producers = options.producers.map((one, index) => makeProducer(one, index, topic.name));
  const sents = producers.map(({ sent }) => sent);
  const readers: Reader[] = [
    ...Array.from({ length: options.readers.raw }, (_, n) => new RawReader(readerOptions(`r${n}`))),
    ...Array.from({ length: options.readers.kafkajs }, (_, n) => new KafkajsReader(readerOptions(`c${n}`))),
  ];

  const monkey = new Monkey(gateways, storeProxies);
  const troubles = monkey.run(plan, troubledMs);
  let written = false;
  let ended = false;
  const writing = producers.map((producer) => ({ name: producer.sent.producer, done: watched(producer.run()) }));
  const atEnd = (reader: Reader) => reader.positions.every((position, n) => position >= witness.floor(n));
  const reading = readers.map((reader) => ({
    name: reader.name,
    done: watched(reader.run(() => ended || (written && atEnd(reader)))),
  }));
  const looking = keepLooking();
  await troubles;
  const calmAt = performance.now();
  for (const producer of producers) producer.stop();
  await settled('producers', writing, calmAt + SETTLE_MS);
  written = true;
  const doneAt = performance.now();
  await settled('readers', reading, doneAt + READ_UP_MS);
  const settledAt = performance.now();
  ended = true;
  for (const producer of producers) producer.abandon();
  await looking;
  const replayed = await checkEverything();
  return { acknowledged: acknowledged(), idle: idle(), monkey, summary: summary() };

  function readerOptions(name: string) {
    return { name, topic, addresses, witness, random: own(), report };
  }

  function makeProducer(one: ProducerPlan, index: number, name: string) {
    const { kind, idempotent, partition, pauseMsMax } = one;
    const producer = `${kind}${idempotent ? '' : '-plain'}-${index}`;
    const sent = new Sent({ producer, partition, idempotent, witness, largeBytes: options.largeBytes });
    const random = own();
    if (kind === 'pipelined' || kind === 'single') {
      const window = kind === 'pipelined' ? 5 : 1;
      return new PipelinedProducer({ topic: name, sent, addresses, window, pauseMsMax, random, report });
    }
    const makeSender = () => {
      const turn = between(random, 0, addresses.length - 1);
      const brokers = addresses.map(({ host, port }) => `${host}:${port}`);
      const asked: SenderOptions = {
        clientId: sent.producer,
        brokers: [...brokers.slice(turn), ...brokers.slice(0, turn)],
        topic: name,
        idempotent,
        requestTimeoutMs: between(random, 3_000, 8_000),
      };
      return kind === 'kafkajs' ? kafkajsSender(asked) : platformaticSender(asked);
    };
    return new LibraryProducer({ sent, makeSender, pauseMsMax, random, report });
  }

  function watched(work: Promise<void>): Promise<void> {
    return work.catch((error: Error) => report('exception', error.stack ?? error.message));
  }

  async function settled(who: string, work: readonly { name: string; done: Promise<void> }[], deadline: number) {
    const since = ((deadline - calmAt) / 1000).toFixed(0);
    const waiting = new Set(work.map(({ name }) => name));
    const all = work.map(({ name, done }) => done.then(() => waiting.delete(name)));
    const late = wait(Math.max(0, deadline - performance.now()), 'late' as const, { ref: false });
    if ((await Promise.race([Promise.all(all), late])) !== 'late') return;
    report('stuck', `${who} not done ${since} s after the troubles: ${[...waiting].join(', ')}`);
  }

  async function keepLooking(): Promise<void> {
    while (!ended) {
      await watched(watch.look());
      await wait(WATCH_EVERY_MS);
    }
  }

  async function checkEverything() {
    const ledger = new StoredLedger(report, () => Date.now(), sents);
    const stored = await replayStored(stores, { id: topic.id, partitions, journals }, ledger, watch);
    const logs = new Map<number, readonly FoundRecord[]>();
    for (const gateway of gateways) await watched(checkGateway(gateway, stored.ends, logs));
    for (const [partition, log] of logs) {
      const found = findProblems(
        log,
        sents.filter((sent) => sent.partition === partition),
      );
      for (const problem of found) report('ackLost', `partition ${partition}: ${problem}`);
    }
    return stored;
  }

  /** Reads everything again; `logs` holds what the gateway before this one gave, which has to be the same. */
  async function checkGateway(gateway: Gateway, ends: readonly number[], logs: Map<number, readonly FoundRecord[]>) {
    const client = await TcpClient.connect(gateway.address);
    for (const [partition, end] of ends.entries()) {
      const told = await listOffset(client, topic, LATEST, { partition });
      if (told.offset !== end) {
        report('viewDiffers', `${gateway.name} says ${told.offset} for partition ${partition}, a replay gives ${end}`);
      }
      const log = await readPartition(client, topic, partition);
      if (log.length !== end) report('viewDiffers', `${gateway.name} has ${log.length} of ${end} in ${partition}`);
      witness.compareWith(partition, log);
      const other = (logs.get(partition) ?? log).find((record, offset) => differs(record, log[offset]));
      if (other !== undefined) report('readOther', `${gateway.name} has another record at ${other.offset}`);
      logs.set(partition, log);
    }
    client.close();
  }

  function acknowledged(): number {
    return sents.reduce((sum, sent) => sum + sent.acknowledged.size, 0);
  }

  function idle(): string[] {
    return sents.filter((sent) => sent.acknowledged.size === 0).map(({ producer }) => producer);
  }

  function summary(): string {
    const conflicts = stage.conflicts();
    const starts = gateways.flatMap(({ startMs }) => startMs);
    const seconds = (ms: number) => (ms / 1000).toFixed(1);
    const givenUp = sents.reduce((sum, sent) => sum + sent.mayRepeat.size, 0);
    return [
      `${monkey.kills} kills`,
      `${monkey.freezes} stops (the longest ${seconds(monkey.longestFreezeMs)} s)`,
      `${monkey.resets} resets of clients`,
      ...(storeProxies.length > 0 ? [`${monkey.storeResets} of the store`] : []),
      `${acknowledged()} records acknowledged`,
      `${givenUp} given up and sent anew`,
      `${witness.recordsRead} read in ${witness.polls} polls`,
      `${replayed.entries} entries, ${replayed.objects} objects`,
      ...(conflicts === undefined ? [] : [`${conflicts} conflicts`]),
      `no acknowledgement for ${seconds(witness.longestSilenceMs)} s at most`,
      `up again in ${seconds(Math.max(...starts))} s at most`,
      `producers done ${seconds(doneAt - calmAt)} s and readers ${seconds(settledAt - calmAt)} s after the last trouble`,
    ].join(', ');
  }
}

function differs(one: FoundRecord, other: FoundRecord | undefined): boolean {
  return one.producer !== other?.producer || one.count !== other.count;
}

async function prepareTopic(gateway: Gateway, partitions: number, journals: number): Promise<TopicName> {
  const client = await TcpClient.connect(gateway.address);
  const topic = await createTopic(client, 'chaos', { partitions, configs: { 'tidelog.journals': String(journals) } });
  client.close();
  return topic;
}

function journalIds(topicId: string, journals: number): string[] {
  return Array.from({ length: journals }, (_, index) => journalId(topicId, index));
}
