import { setTimeout as wait } from 'node:timers/promises';
import type { Gateway } from './gateway.ts';
import type { Blow, Cut, Plan } from './plan.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Does to gateways and connections what a plan says. */
export class Monkey {
  readonly #gateways: readonly Gateway[];
  readonly #stores: readonly TcpProxy[];
  readonly #startedAt = performance.now();
  kills = 0;
  freezes = 0;
  longestFreezeMs = 0;
  /** What it did, for whoever looks into a failure. */
  readonly diary: string[] = [];

  constructor(gateways: readonly Gateway[], stores: readonly TcpProxy[]) {
    this.#gateways = gateways;
    this.#stores = stores;
  }

  get resets(): number {
    return this.#gateways.reduce((sum, { proxy }) => sum + proxy.resets, 0);
  }

  get storeResets(): number {
    return this.#stores.reduce((sum, proxy) => sum + proxy.resets, 0);
  }

  /** Carries the plan out; resolves when `troubledMs` are over and every gateway runs again, undisturbed. */
  async run(plan: Plan, troubledMs: number): Promise<void> {
    const end = this.#until(troubledMs);
    await Promise.all([
      end,
      ...this.#gateways.map((gateway, index) => this.#strike(gateway, plan.blows[index]!, troubledMs)),
      ...this.#gateways.map(({ proxy }, index) => this.#cut(proxy, plan.clientCuts[index]!)),
      ...this.#stores.map((proxy, index) => this.#cut(proxy, plan.storeCuts[index]!)),
    ]);
    for (const proxy of [...this.#stores, ...this.#gateways.map((gateway) => gateway.proxy)]) proxy.calm();
    this.note('calm');
  }

  note(what: string): void {
    this.diary.push(`${((performance.now() - this.#startedAt) / 1000).toFixed(2)} s ${what}`);
  }

  #until(at: number): Promise<void> {
    return wait(Math.max(0, this.#startedAt + at - performance.now()));
  }

  async #strike(gateway: Gateway, blows: readonly Blow[], troubledMs: number): Promise<void> {
    for (const blow of blows) {
      await wait(blow.restMs);
      if (performance.now() - this.#startedAt >= troubledMs) return;
      if (blow.kind === 'freeze') {
        this.freezes++;
        this.longestFreezeMs = Math.max(this.longestFreezeMs, blow.frozenMs);
        this.note(`${gateway.name} stops for ${blow.frozenMs} ms`);
        gateway.freeze();
        await wait(blow.frozenMs);
        gateway.thaw();
      } else {
        this.kills++;
        this.note(`${gateway.name} is killed, for ${blow.downMs} ms`);
        await gateway.kill();
        await wait(blow.downMs);
        await gateway.start();
        this.note(`${gateway.name} runs again`);
      }
    }
  }

  async #cut(proxy: TcpProxy, cuts: readonly Cut[]): Promise<void> {
    for (const { at, how, pick } of cuts) {
      await this.#until(at);
      proxy.breakOne(how, pick);
    }
  }
}
