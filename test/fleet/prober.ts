import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '../../lib/core/errors.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { Sent } from '../chaos/sent.ts';
import { within } from '../chaos/waiting.ts';
import type { Witness } from '../chaos/witness.ts';
import { between } from '../crash/seeded.ts';
import type { Report } from '../simulation/ledger.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { fetch, produce, type TopicName } from '../support/requests.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a gateway tells of a partition. */
export interface Lead {
  readonly nodeId: number;
  readonly epoch: number;
  readonly address: Address;
}

/** A record that a node acknowledged: it has to lie under an epoch of that node's. */
export interface AcknowledgedBy {
  readonly nodeId: number;
  readonly partition: number;
  readonly offset: number;
}

export interface ProberOptions {
  readonly topic: TopicName;
  readonly partitions: number;
  readonly addresses: readonly Address[];
  readonly witness: Witness;
  readonly random: () => number;
  readonly report: Report;
}

const PATIENCE_MS = 4_000;
const PAUSE_MS = [20, 250] as const;

export const NOT_LEADER = errorCode('NOT_LEADER_OR_FOLLOWER');
const FENCED = errorCode('FENCED_LEADER_EPOCH');
const UNKNOWN_EPOCH = errorCode('UNKNOWN_LEADER_EPOCH');
const NOT_NOW = new Set([NOT_LEADER, errorCode('KAFKA_STORAGE_ERROR'), errorCode('REQUEST_TIMED_OUT')]);

/** Speaks to leaders by raw frames: which node acknowledges what, and what is answered to requests of other epochs. */
export class Prober {
  readonly #options: ProberOptions;
  /** One for each partition, as the ledger takes a producer for one of a single partition. */
  readonly sents: readonly Sent[];
  readonly acknowledged: AcknowledgedBy[] = [];
  /** Answers to requests of older and of newer epochs, by their error. */
  readonly epochAnswers = { fenced: 0, unknown: 0, moved: 0 };
  redirected = 0;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { witness } = options;
    this.sents = Array.from(
      { length: options.partitions },
      (_, partition) =>
        new Sent({ producer: `probe-${partition}`, partition, idempotent: false, witness, largeBytes: [6_000, 9_000] }),
    );
  }

  async run(mayStop: () => boolean): Promise<void> {
    const { random, partitions } = this.#options;
    for (let partition = 0; !mayStop(); partition = (partition + 1) % partitions) {
      const lead = await this.leaderOf(partition);
      if (lead !== undefined) await within(this.#probe(lead, partition), 4 * PATIENCE_MS).catch(() => {});
      await wait(between(random, ...PAUSE_MS));
    }
  }

  /** What some gateway tells of a partition; undefined if it does not answer. */
  async leaderOf(partition: number, asked?: Address): Promise<Lead | undefined> {
    const { addresses, random, topic } = this.#options;
    const address = asked ?? addresses[between(random, 0, addresses.length - 1)]!;
    const client = await TcpClient.connect(address).catch(() => undefined);
    if (client === undefined) return undefined;
    try {
      const body = { topics: [{ name: topic.name }], allowAutoTopicCreation: false };
      const told = await within(client.tell(ApiKey.Metadata, 12, body), PATIENCE_MS);
      if (told === 'late' || told.kind !== 'answer') return undefined;
      const found = told.body.topics[0]?.partitions.find((one) => one.partitionIndex === partition);
      const broker = told.body.brokers.find(({ nodeId }) => nodeId === found?.leaderId);
      if (found === undefined || broker === undefined) return undefined;
      return { nodeId: broker.nodeId, epoch: found.leaderEpoch, address: { host: broker.host, port: broker.port } };
    } catch {
      return undefined;
    } finally {
      client.raw.reset();
    }
  }

  async #probe(lead: Lead, partition: number): Promise<void> {
    const client = await TcpClient.connect(lead.address);
    try {
      await this.append(client, lead, partition);
      await this.#askEpochs(client, lead, partition);
    } finally {
      client.raw.reset();
    }
  }

  /** Sends one batch to a node; the error of the answer. */
  async append(
    client: TcpClient,
    lead: Lead,
    partition: number,
    patienceMs = PATIENCE_MS,
  ): Promise<number | undefined> {
    const { topic, report, random } = this.#options;
    const sent = this.sents[partition]!;
    const batch = sent.next(random);
    sent.attempted(batch);
    const records = encodeBatch(batch.values.map((value) => ({ timestamp: Date.now(), key: null, value })));
    const told = await within(produce(client, topic, records, { partition, version: 10 }), patienceMs);
    if (told === 'late') return undefined;
    if (told.errorCode === 0) {
      sent.took(batch, told.baseOffset);
      // Whoever told of the leader may not know yet that its process has come back under another id.
      if ((await this.#nodeIdOf(client)) === lead.nodeId) {
        this.acknowledged.push({ nodeId: lead.nodeId, partition, offset: told.baseOffset });
      }
    } else if (told.errorCode === NOT_LEADER) {
      this.redirected++;
    } else if (!NOT_NOW.has(told.errorCode)) {
      report('unexpectedError', `a probe of partition ${partition} was answered ${told.errorCode}`);
    }
    return told.errorCode;
  }

  /** The id of the process at the other end, which calls itself the controller; undefined if it does not answer. */
  async #nodeIdOf(client: TcpClient): Promise<number | undefined> {
    const told = await within(client.tell(ApiKey.Metadata, 12, { topics: [] }), PATIENCE_MS).catch(
      () => 'late' as const,
    );
    return told === 'late' || told.kind !== 'answer' ? undefined : told.body.controllerId;
  }

  async #askEpochs(client: TcpClient, { epoch }: Lead, partition: number): Promise<void> {
    const { topic, report } = this.#options;
    for (const [asked, expected] of [
      [epoch - 1, FENCED],
      [epoch + 20, UNKNOWN_EPOCH],
    ] as const) {
      if (asked < 0) continue;
      const told = await within(fetch(client, topic, { partition, leaderEpoch: asked }), PATIENCE_MS);
      if (told === 'late') return;
      const code = told.errorCode;
      if (code === FENCED && expected === FENCED) this.epochAnswers.fenced++;
      else if (code === UNKNOWN_EPOCH && expected === UNKNOWN_EPOCH) this.epochAnswers.unknown++;
      else if (NOT_NOW.has(code)) this.epochAnswers.moved++;
      else report('epochServed', `partition ${partition}, told epoch ${epoch}: a fetch of epoch ${asked} got ${code}`);
    }
  }
}
