import { randomInt } from '../../lib/core/random.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Caller } from './caller.ts';
import { Cluster } from './cluster.ts';
import { Consumer } from './consumer.ts';
import { GroupOperator } from './groups/group-operator.ts';
import { GroupSlot } from './groups/group-slot.ts';
import type { GroupPlan } from './groups/scenario.ts';
import { SimGroup } from './groups/sim-group.ts';
import { Historian } from './historian.ts';
import { Importer } from './imports/importer.ts';
import { Janitor } from './janitor.ts';
import { agreeOnLeaders } from './leadership/agreement.ts';
import { Truster } from './leadership/truster.ts';
import { Lifecycle } from './lifecycle.ts';
import { writeUnknownEntry } from './newcomer.ts';
import { Operator } from './operator.ts';
import type { Plan, Stretch, TopicPlan } from './plan.ts';
import { Producer } from './producer.ts';
import { SCENARIOS, type ScenarioName } from './scenarios.ts';
import { createTopic, type SimTopic } from './topics.ts';
import { OffsetWatcher } from './transactions/offset-watcher.ts';
import type { TransactionalScenePlan } from './transactions/scenario.ts';
import { TopicRemover } from './transactions/topic-remover.ts';
import { TransactionalProducer } from './transactions/transactional-producer.ts';
import { Transactor } from './transactor.ts';
import { type Violation, World } from './world.ts';

export interface RunOptions {
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** Kinds of trouble and names of clients that are left out. */
  readonly without?: readonly string[];
}

export interface RunResult {
  readonly scenario: ScenarioName;
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly trace: readonly string[];
  /** The names of all clients of the scenario that were not left out. */
  readonly clients: readonly string[];
  readonly figures: Figures;
}

export interface Figures {
  readonly acknowledged: number;
  readonly brokers: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly entries: number;
  readonly objects: number;
  readonly commits: number;
  /** Transactions by the requests of clients that were committed. */
  readonly transactions: number;
  readonly zombies: Readonly<Record<string, number>>;
  readonly generations: number;
  readonly takeovers: number;
  readonly checkpoints: number;
  readonly checkpointsInObjects: number;
  readonly entriesDeleted: number;
  readonly objectsDeleted: number;
  readonly polls: number;
  readonly events: number;
  readonly virtualMs: number;
}

/**
 * Once nothing goes wrong any more, everybody is done within this; ms. An append that named an object and stayed without an
 * answer is given up 25 minutes after the object was stored (rules R2 and R5); everything else takes seconds.
 */
const SETTLE_MS = 40 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long is watched what writers do about an entry that they do not know; ms. */
const NEWCOMER_STAYS_MS = 4_000;

/** Clients that read everything again at the end, from each process and from a new one. */
const READ_AGAIN = { maxWaitMs: 0, maxBytes: 64 * 1024, wander: 0 } as const;

/** Runs one seed of a scenario from beginning to end, or to the first violation. */
export async function runSeed(options: RunOptions): Promise<RunResult> {
  const plan = SCENARIOS[options.scenario](seededRandom(options.seed));
  const run = new Run(plan, options);
  await run.everything();
  return run.result();
}

class Run {
  readonly #options: RunOptions;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #janitor: Janitor;
  readonly #historian: Historian | undefined;
  readonly #producers: Producer[] = [];
  readonly #transactors: Transactor[] = [];
  readonly #transactionals: TransactionalProducer[] = [];
  readonly #watchers: OffsetWatcher[] = [];
  readonly #removers: TopicRemover[] = [];
  readonly #lifecycles: Lifecycle[] = [];
  readonly #operators: Operator[] = [];
  readonly #importers: Importer[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #trusters: Truster[] = [];
  readonly #groups: SimGroup[] = [];
  readonly #members: GroupSlot[] = [];
  readonly #groupOperators: GroupOperator[] = [];
  #topics: readonly SimTopic[] = [];
  #readAgain: Consumer[] = [];

  constructor(plan: Plan, options: RunOptions) {
    const { rates, times } = plan;
    this.#options = options;
    this.#plan = plan;
    this.#world = new World({ seed: options.seed, rates, times, without: new Set(options.without) });
    this.#cluster = new Cluster(this.#world, plan.cluster);
    this.#janitor = new Janitor(this.#world);
    if (plan.history !== undefined) this.#historian = new Historian(this.#cluster, plan.history);
  }

  async everything(): Promise<void> {
    await this.#until('setting up', this.#setUp(), this.#settleMs);
    const { newcomerAfterMs } = this.#plan;
    if (newcomerAfterMs !== undefined) return this.#meetNewcomer(newcomerAfterMs);
    for (const stretch of this.#plan.stretches) {
      if (this.#over) return;
      await this.#work(stretch);
      if (this.#over) return;
      await this.#rest(stretch);
    }
    if (this.#over) return;
    if (this.#plan.cluster.fleet !== undefined) {
      await this.#until('agreeing on leaders', agreeOnLeaders(this.#cluster, this.#topics), this.#settleMs);
      if (this.#over) return;
    }
    await this.#until('reading everything again', this.#verify(), this.#settleMs);
    if (this.#over) return;
    if (this.#historian !== undefined) {
      const settleMs = 2 * DAY_MS + (this.#plan.history?.deletedMs ?? 0);
      await this.#until('settling history', this.#historian.settle(), settleMs);
      if (this.#over) return;
      await this.#until('reading everything once more', this.#verify(), this.#settleMs);
      if (this.#over) return;
    }
    for (const instance of this.#cluster.instances) instance.claimViews();
    this.#world.checkpoints.check();
  }

  result(): RunResult {
    const { scenario, seed } = this.#options;
    const { violations, trace, ledger, groups, leadership, checkpoints, troubles, events, clock } = this.#world;
    const { committed, zombies } = this.#world.transactions;
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    const acknowledging = [
      ...this.#producers,
      ...this.#transactors,
      ...this.#transactionals,
      ...this.#lifecycles,
      ...this.#importers,
    ];
    return {
      scenario,
      seed,
      violations,
      trace,
      clients: [
        ...acknowledging,
        ...this.#operators,
        ...this.#removers,
        ...this.#consumers,
        ...this.#watchers,
        ...this.#trusters,
        ...this.#members,
        ...this.#groupOperators,
      ].map((one) => one.name),
      traceHash: this.#world.traceHash(),
      figures: {
        acknowledged: sum(acknowledging.map((one) => one.acknowledged)),
        brokers: this.#plan.cluster.brokers,
        troubles: Object.fromEntries(troubles.counts),
        entries: sum([...ledger.journals.values()].map((journal) => journal.entries.length)),
        objects: trace.filter((line) => line.includes(' stored wal/')).length,
        commits: groups.acknowledged,
        transactions: committed,
        zombies: Object.fromEntries(zombies.counts),
        generations: sum([...groups.groups.values()].map((group) => group.generations)),
        takeovers: leadership.takeovers,
        checkpoints: checkpoints.stored,
        checkpointsInObjects: checkpoints.inObjects,
        entriesDeleted: this.#janitor.entriesDeleted,
        objectsDeleted: this.#janitor.objectsDeleted,
        polls: sum([...this.#consumers, ...this.#readAgain].map((one) => one.polls)),
        events,
        virtualMs: clock.monotonic(),
      },
    };
  }

  get #settleMs(): number {
    return this.#plan.settleMs ?? SETTLE_MS;
  }

  get #over(): boolean {
    return this.#world.violations.length > 0;
  }

  async #setUp(): Promise<void> {
    const caller = new Caller(this.#cluster, 'setup');
    const topics: SimTopic[] = [];
    for (const [index, topic] of this.#plan.topics.entries()) {
      topics.push(await this.#setUpTopic(caller, topic, `${index}`));
    }
    this.#topics = topics;
    for (const [index, group] of (this.#plan.groups ?? []).entries()) this.#setUpGroup(group, `${index}`, topics);
    if (this.#plan.transactional !== undefined) this.#setUpTransactional(this.#plan.transactional, topics);
    for (const [index, one] of (this.#plan.imports ?? []).entries()) {
      this.#add(this.#importers, new Importer(this.#cluster, `f${index}`, one));
    }
    for (const [index, lifecycle] of this.#plan.lifecycles.entries()) {
      this.#add(this.#lifecycles, new Lifecycle(this.#cluster, `life${index}`, lifecycle));
    }
  }

  async #setUpTopic(caller: Caller, plan: TopicPlan, index: string): Promise<SimTopic> {
    const cluster = this.#cluster;
    const topic = await createTopic(caller, plan.name, plan.partitions, plan.journals, new Set(), plan.configs);
    for (const [n, one] of plan.producers.entries()) {
      this.#add(this.#producers, new Producer(cluster, `p${index}${n}`, topic, one));
    }
    for (const [n, one] of plan.transactors.entries()) {
      this.#add(this.#transactors, new Transactor(cluster, `t${index}${n}`, topic, one));
    }
    for (const [n, one] of plan.operators.entries()) {
      this.#add(this.#operators, new Operator(cluster, `o${index}${n}`, topic, one));
    }
    for (const [n, one] of plan.consumers.entries()) {
      this.#add(this.#consumers, new Consumer(cluster, `c${index}${n}`, topic, one));
    }
    for (let n = 0; n < (plan.trusters ?? 0); n++) {
      this.#add(this.#trusters, new Truster(cluster, `m${index}${n}`, topic));
    }
    return topic;
  }

  #setUpTransactional(plan: TransactionalScenePlan, topics: readonly SimTopic[]): void {
    const named = (name: string) => topics.find((topic) => topic.name === name)!;
    const scene = { input: named(plan.input), outputs: plan.outputs.map(named), groups: plan.groups };
    for (const [index, one] of plan.producers.entries()) {
      for (let n = 0; n < one.clients; n++) {
        this.#add(this.#transactionals, new TransactionalProducer(this.#cluster, `e${index}${n}`, one, scene));
      }
    }
    this.#add(this.#watchers, new OffsetWatcher(this.#cluster, 'w', scene));
    const { removed } = plan;
    if (removed === undefined) return;
    this.#add(this.#removers, new TopicRemover(this.#cluster, 'd', named(removed.topic), removed.withinMs));
  }

  #setUpGroup(plan: GroupPlan, index: string, topics: readonly SimTopic[]): void {
    const group = new SimGroup(
      this.#cluster,
      plan.id,
      plan.topics.map((name) => topics.find((topic) => topic.name === name)!),
    );
    this.#groups.push(group);
    for (const [n, one] of plan.members.entries()) {
      this.#add(this.#members, new GroupSlot(group, `g${index}${n}`, one, plan.leavesLast === true && n === 0));
    }
    if (plan.operator !== undefined) {
      this.#add(this.#groupOperators, new GroupOperator(group, `x${index}`, plan.operator));
    }
  }

  #add<Client extends Caller>(clients: Client[], client: Client): void {
    if (this.#options.without?.includes(client.name) !== true) clients.push(client);
  }

  /** A stretch of work: troubled first, then calm until everybody is done. */
  async #work(stretch: Stretch): Promise<void> {
    const { troubles, clock } = this.#world;
    troubles.on = stretch.troubledMs > 0;
    this.#cluster.resting = stretch.resting ?? 0;
    this.#cluster.disturb();
    const writing = [
      ...this.#producers,
      ...this.#transactors,
      ...this.#transactionals,
      ...this.#lifecycles,
      ...this.#operators,
      ...this.#removers,
      ...this.#importers,
    ];
    for (const group of this.#groups) group.over = false;
    const written = new Set<Caller>(writing);
    const readers = [...this.#consumers, ...this.#watchers, ...this.#trusters, ...this.#members];
    const reading = new Set<Caller>(readers);
    const mayStop = () => written.size === 0;
    const all = [
      ...writing.map((one) => one.run().then(() => written.delete(one))),
      ...readers.map((one) => one.run(mayStop).then(() => reading.delete(one))),
      ...this.#groupOperators.map((one) => one.run()),
    ];
    const historian = this.#historian;
    if (historian !== undefined) {
      historian.isOver = false;
      void historian.run();
    }
    const calm = clock.setTimer(stretch.troubledMs, () => {
      troubles.on = false;
      this.#cluster.calm();
      this.#world.note('calm');
    });
    await this.#until('working', Promise.all(all), stretch.troubledMs + this.#settleMs, () => {
      const waiting = written.size > 0 ? written : reading;
      return [...waiting].map((one) => one.name).join(', ');
    });
    if (historian !== undefined) historian.isOver = true;
    calm();
    troubles.on = false;
    this.#cluster.calm();
  }

  /** Nobody can go on after it, so nobody is waited for. */
  async #meetNewcomer(afterMs: number): Promise<void> {
    const { clock } = this.#world;
    for (const one of [...this.#producers, ...this.#operators]) void one.run();
    await clock.advance(afterMs);
    await this.#until('writing an entry', writeUnknownEntry(this.#world), this.#settleMs);
    await clock.advance(NEWCOMER_STAYS_MS);
  }

  async #rest(stretch: Stretch): Promise<void> {
    const steps = Math.max(1, stretch.sweeps);
    for (let step = 0; step < steps && !this.#over; step++) {
      await this.#world.clock.advance(stretch.idleMs / steps);
      if (stretch.sweeps === 0) continue;
      if (this.#historian === undefined) await this.#janitor.sweep();
      else await this.#until('looking at history', this.#historian.finish(), this.#settleMs);
    }
  }

  /** Everything is read from its beginning: by a new process, and by each of those that are there. */
  async #verify(): Promise<void> {
    this.#cluster.instances.push(this.#cluster.start());
    const imported = this.#importers.flatMap(({ topic }) => (topic === undefined ? [] : [topic, topic]));
    const topics = [...this.#consumers.map(({ topic }) => topic), ...imported];
    const readers = topics.map((topic, index) => {
      const committed = index % 2 === 0;
      return new Consumer(this.#cluster, `v${index}`, topic, { ...READ_AGAIN, committed });
    });
    this.#readAgain = readers;
    const running = this.#cluster.instances.filter((one) => one.process.state === 'up');
    for (const reader of readers) {
      for (const instance of [running.at(-1)!, running[randomInt(reader.random, 0, running.length)]!]) {
        reader.restart(instance);
        await reader.run(() => true);
      }
    }
  }

  async #until(doing: string, work: Promise<unknown>, withinMs: number, who = () => doing): Promise<void> {
    let done = false;
    const world = this.#world;
    work.then(
      () => {
        done = true;
      },
      (error: unknown) => {
        world.report('exception', error instanceof Error ? (error.stack ?? error.message) : String(error));
      },
    );
    await world.clock.runUntil(() => done || this.#over, withinMs);
    if (!done && !this.#over) world.report('stuck', `${doing} for ${withinMs / 1000} s, not done: ${who()}`);
  }
}
