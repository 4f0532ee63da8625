import { randomInt } from '../../lib/core/random.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { UnreadableItems } from '../../lib/kit/unreadable-items.ts';
import { SegmentWork } from '../../lib/run/segment-work.ts';
import { collectWal } from '../../lib/segments/collect-wal.ts';
import { topicIdOf } from '../../lib/storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../../lib/storage/ports.ts';
import { Cleaner } from './cleaning/cleaner.ts';
import type { Cluster } from './cluster.ts';
import type { Instance } from './instance.ts';

const HOUR_MS = 60 * 60 * 1000;

/** Above all that a partition gets: segments of any size are merged. */
const MERGE_BYTES = 64 * 1024 * 1024;

export interface HistoryPlan {
  /** A journal is sealed once so many bytes are not; small, so that there are many seals. */
  readonly sealBytes: number;
  /** Mean time between two looks at history while clients work; ms. */
  readonly everyMs: number;
  readonly entriesGraceMs: number;
  /** Share of the looks in whose middle the process stands still for hours. */
  readonly frozen: number;
  /** Share of the stored objects that their processes name hours later, or never. */
  readonly frozenObjects: number;
  /** Share of the looks that compact a journal and end what retention does not keep; none where left out. */
  readonly cleans?: number;
  /** What is left of deleted topics and abandoned imports goes within this time after the other graces; ms. */
  readonly deletedMs?: number;
}

/** A look takes about so long when nothing goes wrong; ms. */
const LOOK_TAKES_MS = 400;

/** From before the graces end until long after; ms. */
const FROZEN_MS = [HOUR_MS, 6 * HOUR_MS] as const;

/** A look may take so long until its process goes on without it; a call to the store may hang as long; ms. */
const LOOK_MS = 20_000;

/** Every grace is over after this time, those that begin with the end of another one, too. */
const SETTLED_HOURS = 15;
const HOURS_APART = 3;

/** How long a sweep while nobody works may take; ms. */
const SWEEP_MS = 10 * 60_000;

/**
 * Lets the processes work on sealed history: one or several at once, in the middle of everything, on a process that may be
 * killed or frozen at any call. While nobody works, it lets them finish what is due.
 */
export class Historian {
  readonly #cluster: Cluster;
  readonly #plan: HistoryPlan;
  readonly #works = new Map<Instance, SegmentWork>();
  readonly #looking = new Set<Instance>();
  readonly #random;
  readonly #cleaner: Cleaner | undefined;
  isOver = false;

  constructor(cluster: Cluster, plan: HistoryPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#random = cluster.world.split();
    this.#cleaner = plan.cleans === undefined ? undefined : new Cleaner(cluster.world.split());
    cluster.world.segments.onObject = () => {
      if (this.#random.next() >= plan.frozenObjects || this.#looking.size === 0) return;
      // Any of those that may have stored it; mostly there is one.
      const instances = [...this.#looking];
      this.#freezeIn(0, instances[randomInt(this.#random, 0, instances.length)]!);
    };
  }

  /** While clients work. */
  async run(): Promise<void> {
    const { world } = this.#cluster;
    while (!this.isOver && world.violations.length === 0) {
      await this.#sleep(2 * this.#plan.everyMs * this.#random.next());
      const looks = this.#random.next() < 0.3 ? 2 : 1;
      // Not waited for: a process that is killed never answers.
      for (let look = 0; look < looks; look++) void this.#look();
    }
  }

  /** Once nobody works: everything that is due, by any process. */
  async finish(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const instance = this.#pick();
      if (instance === undefined) return;
      const done = await Promise.race([this.#sweep(instance), this.#sleep(SWEEP_MS).then(() => false)]);
      if (done) return;
    }
  }

  /** At the end: looks as long as something becomes due, hours after everybody has ended. */
  async settle(): Promise<void> {
    await this.#settle();
    if (this.#plan.deletedMs !== undefined) {
      await this.#sleep(this.#plan.deletedMs);
      await this.#settle();
    }
    const { segments, ledger, cleaning } = this.#cluster.world;
    segments.checkRest(ledger.journals);
    cleaning.checkRest();
  }

  async #settle(): Promise<void> {
    for (let hours = 0; hours < SETTLED_HOURS; hours += HOURS_APART) {
      await this.#sleep(HOURS_APART * HOUR_MS);
      await this.finish();
    }
  }

  async #look(): Promise<void> {
    const instance = this.#pick();
    if (instance === undefined) return;
    await instance.ready();
    const { clock } = instance.process;
    const { admin } = instance.engine.broker;
    const opened = [...admin.journals.opened()];
    const open: OpenJournal | undefined = opened[randomInt(this.#random, 0, Math.max(1, opened.length))];
    const deadline = clock.monotonic() + LOOK_MS;
    this.#cluster.world.note('history', instance.name, open?.journal.id ?? 'sweep');
    if (this.#random.next() < this.#plan.frozen) this.#freezeIn(randomInt(this.#random, 0, LOOK_TAKES_MS), instance);
    this.#looking.add(instance);
    try {
      if (open === undefined || this.#random.next() < 0.3) {
        await this.#workOf(instance).sweep(this.#unreadable(instance), undefined, deadline);
        return;
      }
      const topic = await admin.topics.getById(topicIdOf(open.journal.id));
      if (topic === undefined) return;
      if (this.#cleaner !== undefined && this.#random.next() < this.#plan.cleans!) {
        await this.#cleaner.clean(instance, open, topic.config, deadline);
      } else {
        await this.#workOf(instance).seal(open, topic.config, deadline);
      }
    } catch (error) {
      this.#failed(instance, error);
    } finally {
      this.#looking.delete(instance);
    }
  }

  #freezeIn(ms: number, instance: Instance): void {
    const cluster = this.#cluster;
    cluster.world.clock.setTimer(ms, () => {
      if (!cluster.world.troubles.on || !cluster.canSpare(instance)) return;
      cluster.freeze(instance, randomInt(this.#random, ...FROZEN_MS));
    });
  }

  async #sweep(instance: Instance): Promise<boolean> {
    await instance.ready();
    const { clock } = instance.process;
    const deadline = clock.monotonic() + SWEEP_MS;
    const unreadable = this.#unreadable(instance);
    try {
      const { isComplete } = await this.#workOf(instance).sweep(unreadable, undefined, deadline);
      const { journals } = instance.engine.broker.admin;
      const graces = { graceMs: HOUR_MS, everyMs: 0 };
      const collected = await collectWal(journals, unreadable, graces, undefined, deadline);
      return isComplete && collected.isComplete;
    } catch (error) {
      this.#failed(instance, error);
      return false;
    }
  }

  #workOf(instance: Instance): SegmentWork {
    const known = this.#works.get(instance);
    if (known !== undefined) return known;
    const { sealBytes, entriesGraceMs } = this.#plan;
    const work = new SegmentWork(instance.engine.broker.admin, { sealBytes, mergeBytes: MERGE_BYTES, entriesGraceMs });
    this.#works.set(instance, work);
    return work;
  }

  #unreadable(instance: Instance): UnreadableItems {
    return new UnreadableItems({
      log: (level, { event, message }) => {
        if (level === 'error')
          this.#cluster.world.report('engineError', `${instance.name}: ${event} ${String(message)}`);
      },
    });
  }

  #failed(instance: Instance, error: unknown): void {
    if (error instanceof StoreUnavailableError) return;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#cluster.world.report('engineError', `${instance.name}: history: ${message}`);
  }

  #pick(): Instance | undefined {
    const up = this.#cluster.instances.filter((one) => one.process.state === 'up');
    return up[randomInt(this.#random, 0, Math.max(1, up.length))];
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.world.clock.setTimer(ms, resolve));
  }
}
