import type { ClusterPlan } from './cluster.ts';
import type { ConsumerPlan } from './consumer.ts';
import type { GroupPlan } from './groups/scenario.ts';
import type { HistoryPlan } from './historian.ts';
import type { ImportPlan } from './imports/importer.ts';
import type { LifecyclePlan } from './lifecycle.ts';
import type { OperatorPlan } from './operator.ts';
import type { ProducerPlan } from './producer.ts';
import type { TransactionalScenePlan } from './transactions/scenario.ts';
import type { TransactorPlan } from './transactor.ts';
import type { Rates, TroubleTimes } from './trouble.ts';

export interface TopicPlan {
  readonly name: string;
  readonly partitions: number;
  readonly journals: number;
  /** Beside `tidelog.journals`. */
  readonly configs?: Readonly<Record<string, string>>;
  readonly producers: readonly ProducerPlan[];
  readonly consumers: readonly ConsumerPlan[];
  /** Clients that ask with the epochs that the Metadata of one node tells; none when left out. */
  readonly trusters?: number;
  readonly transactors: readonly TransactorPlan[];
  readonly operators: readonly OperatorPlan[];
}

/** Everybody works, things go wrong for `troubledMs`, all comes to an end; then nothing happens for `idleMs`. */
export interface Stretch {
  readonly troubledMs: number;
  readonly idleMs: number;
  /** The janitor comes so often while nothing happens. */
  readonly sweeps: number;
  /** Brokers that get no requests in this stretch. */
  readonly resting?: number;
}

/** All that a seed does not decide by itself. */
export interface Plan {
  readonly rates: Rates;
  readonly times: TroubleTimes;
  readonly cluster: ClusterPlan;
  readonly topics: readonly TopicPlan[];
  readonly lifecycles: readonly LifecyclePlan[];
  readonly groups?: readonly GroupPlan[];
  /** Transactions by clients, over topics of this plan. */
  readonly transactional?: TransactionalScenePlan;
  /** Topics that are made of log files. */
  readonly imports?: readonly ImportPlan[];
  readonly stretches: readonly Stretch[];
  /** The processes seal, merge, compact, retain, trim and collect; the janitor stays away. */
  readonly history?: HistoryPlan;
  /** Once nothing goes wrong any more, everybody is done within this; what any scenario may take where left out; ms. */
  readonly settleMs?: number;
  /** After so long a later program writes an entry that nobody knows, and the run ends soon after; ms. */
  readonly newcomerAfterMs?: number;
}
