import { type Random, randomInt } from '../../lib/core/random.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { Instance } from './instance.ts';
import type { World } from './world.ts';

/** How the processes of a run are set up, and how they fail. */
export interface ClusterPlan {
  readonly brokers: number;
  readonly settings: Settings;
  /** Clocks are wrong by up to this; ms. */
  readonly skewMs: number;
  /** The store's answers tell the time in steps of this to every other process, of 1 ms to the rest. */
  readonly granularityMs: number;
  /** The share of freezes that last for hours. */
  readonly longFreezes: number;
  readonly longFreezeMs: readonly [low: number, high: number];
  readonly expectErrors?: boolean;
  /** The first so many places are gateways of a fleet, the others functions beside them. */
  readonly fleet?: FleetPlan;
}

export interface FleetPlan {
  readonly gateways: number;
  readonly settings: Settings;
  /** Places have node ids of their own, which a process that comes after another one takes again; else ids are chosen freely. */
  readonly ownIds: boolean;
}

const TICK_MS = 250;
const SHORT_FREEZE_MS = [20, 8_000] as const;
const RESTART_MS = [50, 2_000] as const;
/** Around the length of a session, so that the first is at times back before the second is in. */
const TWIN_FREEZE_MS = [4_000, 25_000] as const;
const STORM_MS = [200, 3_000] as const;
/** What went wrong at last may take so long to be over; ms. */
const AFTERMATH_MS = 15_000;
/** So many brokers are left running when freezes are drawn. */
const RUNNING_MIN = 2;

/** The broker processes: starts them, crashes them, freezes them. */
export class Cluster {
  readonly world: World;
  readonly plan: ClusterPlan;
  readonly instances: Instance[] = [];
  /** So many of the first places get no requests for the time being. */
  resting = 0;
  /** When the last troubles ended; undefined while there are some. */
  #calmAt: number | undefined;
  readonly #thawedAt = new WeakMap<Instance, number>();
  #lastThawAt = 0;
  readonly #random: Random;
  #started = 0;
  readonly #byName = new Map<string, Instance>();

  constructor(world: World, plan: ClusterPlan) {
    this.world = world;
    this.plan = plan;
    this.#random = world.split();
    for (let place = 0; place < plan.brokers; place++) this.instances.push(this.start(place));
  }

  /** The process that clients are told to connect to under that name. */
  byName(name: string): Instance | undefined {
    return this.#byName.get(name);
  }

  /** Gateways of the fleet that are there, also those that stand still and those whose place another one has taken. */
  get gateways(): readonly Instance[] {
    return [...this.#byName.values()].filter((one) => one.leads && one.process.state !== 'down');
  }

  get #gatewaysInPlace(): readonly Instance[] {
    return this.instances.filter((one) => one.leads && one.process.state === 'up');
  }

  /** Any process that is no gateway of the fleet. */
  pickFunction(random: Random): Instance {
    const functions = this.instances.filter((one) => !one.leads);
    return functions[randomInt(random, 0, functions.length)]!;
  }

  /** Starts one more process; without a `place` it belongs to none of the cluster. */
  start(place?: number): Instance {
    const { skewMs, granularityMs, expectErrors = false } = this.plan;
    const name = `b${this.#started++}`;
    const skewed = this.world.troubles.rate('skew') > 0;
    const instance = new Instance(this.world, {
      name,
      settings: this.#settingsOf(place),
      skewMs: skewed ? randomInt(this.#random, -skewMs, skewMs + 1) : 0,
      granularityMs: this.#started % 2 === 0 ? granularityMs : 1,
      expectErrors,
    });
    this.#byName.set(name, instance);
    return instance;
  }

  #settingsOf(place: number | undefined): Settings {
    const { settings, fleet } = this.plan;
    if (fleet === undefined || place === undefined || place >= fleet.gateways) return settings;
    if (!fleet.ownIds) return fleet.settings;
    const nodeId = place + 1;
    return { ...fleet.settings, nodeId, given: new Map([...fleet.settings.given, ['nodeId', String(nodeId)]]) };
  }

  /** Any process that a client may believe to be there; the frozen ones look like it. */
  pick(random: Random): Instance {
    return this.instances[randomInt(random, this.resting, this.instances.length)]!;
  }

  /** True for a process that gets no requests for the time being. */
  isResting(instance: Instance): boolean {
    const place = this.instances.indexOf(instance);
    return place >= 0 && place < this.resting;
  }

  /** Breaks things now and then, as long as troubles are on. */
  disturb(): void {
    const { clock, troubles } = this.world;
    if (troubles.on) this.#calmAt = undefined;
    const tick = () => {
      if (!troubles.on) return;
      const share = TICK_MS / 1_000;
      if (troubles.strikes('crash', share)) this.#crash();
      if (troubles.strikes('freeze', share)) this.#freeze();
      if (troubles.strikes('storm', share)) this.#storm();
      if (troubles.strikes('restart', share)) this.#restart();
      if (troubles.strikes('twin', share)) this.#twin();
      clock.setTimer(TICK_MS, tick);
    };
    clock.setTimer(TICK_MS, tick);
  }

  /** Ends what is still going on, but for the long freezes; enough processes run afterwards. */
  calm(): void {
    this.world.troubles.storms.clear();
    this.#calmAt ??= this.world.clock.monotonic();
    const awake = this.instances.slice(this.resting);
    let running = awake.filter((one) => one.process.state === 'up').length;
    for (let place = this.resting; running < RUNNING_MIN && place < this.instances.length; place++) {
      if (this.instances[place]!.process.state === 'up') continue;
      this.instances[place] = this.start(place);
      running++;
    }
  }

  /** Whether nothing has gone wrong since `at`, nor shortly before, and this process was there all the time. */
  isCalmSince(at: number, instance: Instance): boolean {
    return this.calmFrom(instance) <= at;
  }

  /** From when on nothing has gone wrong with this process, nor shortly before; Infinity while something does. */
  calmFrom(instance: Instance): number {
    if (instance.process.state !== 'up') return Number.POSITIVE_INFINITY;
    const upAt = this.#thawedAt.get(instance) ?? 0;
    return Math.max(this.#calmAt ?? Number.POSITIVE_INFINITY, upAt) + AFTERMATH_MS;
  }

  /** Whether some process has gone on since `at` that stood still before. */
  thawedSince(at: number): boolean {
    return this.#lastThawAt >= at;
  }

  #crash(): void {
    const place = randomInt(this.#random, 0, this.instances.length);
    const gone = this.instances[place]!;
    this.world.note('crash', gone.name);
    gone.process.crash();
    this.world.clock.setTimer(randomInt(this.#random, ...RESTART_MS), () => {
      if (this.instances[place] !== gone) return;
      this.instances[place] = this.start(place);
      this.world.note('start', this.instances[place]!.name);
    });
  }

  /** A gateway ends in order and comes back, as when a new version is rolled out. */
  #restart(): void {
    const running = this.#gatewaysInPlace;
    if (running.length === 0) return;
    const gone = running[randomInt(this.#random, 0, running.length)]!;
    const place = this.instances.indexOf(gone);
    const downMs = randomInt(this.#random, ...RESTART_MS);
    this.world.note('restart', gone.name);
    void gone.stop().then(() => {
      this.world.clock.setTimer(downMs, () => {
        if (this.instances[place] !== gone) return;
        this.instances[place] = this.start(place);
        this.world.note('start', this.instances[place]!.name);
      });
    });
  }

  /** A gateway stands still, is taken for dead and replaced, and goes on when its place is taken. */
  #twin(): void {
    const running = this.#gatewaysInPlace;
    if (running.length <= 1) return;
    const still = running[randomInt(this.#random, 0, running.length)]!;
    const place = this.instances.indexOf(still);
    this.freeze(still, randomInt(this.#random, ...TWIN_FREEZE_MS));
    this.instances[place] = this.start(place);
    this.instances.push(still);
    this.world.note('twin', still.name, this.instances[place]!.name);
  }

  /** Whether a process may stand still: enough others run. */
  canSpare(chosen: Instance): boolean {
    const running = this.instances.slice(this.resting).filter((one) => one.process.state === 'up');
    return running.length > RUNNING_MIN && running.includes(chosen);
  }

  #freeze(): void {
    const running = this.instances.slice(this.resting).filter((one) => one.process.state === 'up');
    if (running.length <= RUNNING_MIN) return;
    const chosen = running[randomInt(this.#random, 0, running.length)]!;
    const long = this.#random.next() < this.plan.longFreezes;
    this.freeze(chosen, randomInt(this.#random, ...(long ? this.plan.longFreezeMs : SHORT_FREEZE_MS)));
  }

  freeze(chosen: Instance, durationMs: number): void {
    const lagging = this.#random.next() < 0.5;
    this.world.note('freeze', chosen.name, durationMs, lagging ? 'clocks stand still' : 'clocks go on');
    chosen.process.freeze();
    this.world.clock.setTimer(durationMs, () => {
      this.world.note('thaw', chosen.name);
      this.#lastThawAt = this.world.clock.monotonic();
      this.#thawedAt.set(chosen, this.#lastThawAt);
      chosen.process.thaw(lagging);
    });
  }

  #storm(): void {
    const { name } = this.pick(this.#random);
    const { storms } = this.world.troubles;
    storms.add(name);
    this.world.clock.setTimer(randomInt(this.#random, ...STORM_MS), () => storms.delete(name));
  }
}
