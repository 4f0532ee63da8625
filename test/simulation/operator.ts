import { randomInt } from '../../lib/core/random.ts';
import type { JournalView } from '../../lib/journal/view.ts';
import { Caller } from './caller.ts';
import type { Cluster } from './cluster.ts';
import { insistOnEntry } from './direct.ts';
import { journalOf, type SimTopic } from './topics.ts';

export interface OperatorPlan {
  /** Entries of each kind in each stretch of the run. */
  readonly leaderChanges: number;
  readonly logStarts: number;
  /** How much of a partition a new log start leaves, at most; 0 to 1. */
  readonly keep: number;
}

/** Mean wait between two of its deeds; ms. */
const THINK_MS = 1_500;

/** Changes leaders and raises log starts, as takeovers and retention will. */
export class Operator extends Caller {
  readonly topic: SimTopic;
  readonly plan: OperatorPlan;

  constructor(cluster: Cluster, name: string, topic: SimTopic, plan: OperatorPlan) {
    super(cluster, name);
    this.topic = topic;
    this.plan = plan;
  }

  async run(): Promise<void> {
    let { leaderChanges, logStarts } = this.plan;
    while (leaderChanges + logStarts > 0 && this.cluster.world.violations.length === 0) {
      await this.sleep(2 * THINK_MS * this.random.next());
      const partition = randomInt(this.random, 0, this.topic.partitions);
      if (this.random.next() * (leaderChanges + logStarts) < leaderChanges) {
        leaderChanges--;
        await this.#changeLeader(partition);
      } else {
        logStarts--;
        await this.#raiseLogStart(partition);
      }
    }
  }

  async #changeLeader(partition: number): Promise<void> {
    const { world } = this.cluster;
    const leaderEpoch = (world.ledger.journals.get(journalOf(this.topic, partition))?.leaderEpoch ?? 0) + 1;
    const make = (view: JournalView, time: number) =>
      view.closed || view.leaderEpoch >= leaderEpoch
        ? undefined
        : ({ kind: 'leaderChange', time, leaderEpoch, leader: leaderEpoch % 7 } as const);
    world.note('leaderChange', partition, leaderEpoch);
    await insistOnEntry(this, this.topic, partition, make);
  }

  async #raiseLogStart(partition: number): Promise<void> {
    const { world } = this.cluster;
    const end = world.ledger.partition(journalOf(this.topic, partition), partition)?.next ?? 0;
    const offset = Math.floor(end * (1 - this.plan.keep * this.random.next()));
    const make = (view: JournalView, time: number) => {
      const start = view.partitions.get(partition)?.logStartOffset ?? 0;
      return view.closed || start >= offset
        ? undefined
        : ({ kind: 'logStart', time, starts: [{ partition, offset }] } as const);
    };
    world.note('logStart', partition, offset);
    world.cleaning.asked(journalOf(this.topic, partition), partition, offset);
    await insistOnEntry(this, this.topic, partition, make);
  }
}
