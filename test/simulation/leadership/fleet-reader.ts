import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, type Caller } from '../caller.ts';
import type { Connection } from '../connection.ts';
import { journalOf, type SimTopic } from '../topics.ts';
import { MOVED, Router } from './router.ts';

/** Now and then a request names an epoch that is not the present one, as of a client that has slept or is ahead. */
const WRONG_EPOCH = 0.1;
/** Older clients know no epochs and name none. */
const KNOWS_EPOCHS = 0.7;

const NOT_LEADER = errorCode('NOT_LEADER_OR_FOLLOWER');
const STORAGE_ERROR = errorCode('KAFKA_STORAGE_ERROR');

/** A broker to ask, and the partitions to ask it for. */
export interface Target {
  readonly connection: Connection;
  readonly partitions: readonly { readonly index: number; readonly epoch: number }[];
  /** Looks at what was answered for a partition; true if it was sent elsewhere, and knows by then where. */
  isMoved(partition: number, code: number): Promise<boolean>;
}

/** How a consumer finds its brokers in a fleet: as its clients do, and holding what it is told of epochs against the log. */
export class FleetReader extends Router {
  readonly #caller: Caller;
  readonly #topic: SimTopic;
  readonly #knowsEpochs: boolean;

  constructor(caller: Caller, topic: SimTopic) {
    super(caller, topic);
    this.#caller = caller;
    this.#topic = topic;
    this.#knowsEpochs = caller.random.next() < KNOWS_EPOCHS;
  }

  /** The leader of some partition, with all that it is believed to lead. */
  target(): Target | undefined {
    const { random, cluster } = this.#caller;
    const { leadership } = cluster.world;
    const chosen = randomInt(random, 0, this.#topic.partitions);
    const connection = this.connectionTo(chosen);
    if (connection === undefined) return undefined;
    const { host } = this.placeOf(chosen);
    const partitions = Array.from({ length: this.#topic.partitions }, (_, index) => index)
      .filter((index) => index === chosen || (host !== undefined && this.placeOf(index).host === host))
      .map((index) => ({ index, epoch: this.#epochFor(index) }));
    const { instance } = connection;
    const floors = new Map(
      partitions.map(({ index }) => [index, leadership.toldBy(instance, journalOf(this.#topic, index))]),
    );
    const isMoved = async (index: number, code: number): Promise<boolean> => {
      if (code === 0) {
        const { epoch } = partitions.find((one) => one.index === index)!;
        leadership.served(instance, journalOf(this.#topic, index), epoch, floors.get(index)!);
        return false;
      }
      if (!MOVED.has(code)) return false;
      cluster.world.note('moved', this.#caller.name, index, instance.name, code);
      await this.#caller.pause();
      await this.refresh();
      return true;
    };
    return { connection, partitions, isMoved };
  }

  /** Asks for the end of an epoch, of which the log knows as much. */
  async askEpochEnd(): Promise<void> {
    const { random, cluster, name } = this.#caller;
    const { leadership, ledger } = cluster.world;
    const partition = randomInt(random, 0, this.#topic.partitions);
    const journal = journalOf(this.#topic, partition);
    const connection = this.connectionTo(partition);
    if (connection === undefined) return;
    const leaderEpoch = randomInt(random, 0, (ledger.journals.get(journal)?.leaderEpoch ?? 0) + 2);
    const currentLeaderEpoch = this.#epochFor(partition);
    const floor = leadership.toldBy(connection.instance, journal);
    const before = leadership.endOf(journal, partition, leaderEpoch);
    const topics = [{ topic: this.#topic.name, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }];
    const answer = await connection.ask(ApiKey.OffsetForLeaderEpoch, 4, { replicaId: -1, topics }, ANSWER_TIMEOUT_MS);
    if (answer === 'closed') return;
    const told = answer.topics[0]!.partitions[0]!;
    if (told.errorCode !== 0) {
      const isKnown = MOVED.has(told.errorCode) || told.errorCode === STORAGE_ERROR;
      if (!isKnown)
        cluster.world.report('unexpectedError', `${name} was answered ${told.errorCode} for an epoch's end`);
      if (told.errorCode === NOT_LEADER) await this.refresh();
      return;
    }
    leadership.served(connection.instance, journal, currentLeaderEpoch, floor);
    const after = leadership.endOf(journal, partition, leaderEpoch);
    const isEpoch = told.leaderEpoch === before.epoch || told.leaderEpoch === after.epoch;
    if (isEpoch && told.endOffset >= before.endOffset && told.endOffset <= after.endOffset) return;
    const range = `epoch ${before.epoch} to ${after.epoch}, offset ${before.endOffset} to ${after.endOffset}`;
    const what = `${connection.instance.name}: epoch ${leaderEpoch} of partition ${partition} of ${journal}`;
    cluster.world.report('epochEnd', `${what} ended at ${told.leaderEpoch}, ${told.endOffset}, and should be ${range}`);
  }

  #epochFor(partition: number): number {
    const { random, cluster } = this.#caller;
    const { epoch } = this.placeOf(partition);
    if (!this.#knowsEpochs) return -1;
    if (!cluster.world.troubles.on || random.next() >= WRONG_EPOCH) return epoch;
    return Math.max(0, epoch + (random.next() < 0.5 ? -1 : 3));
  }
}
