import type { SeedLine } from './child.ts';

/** How often the state of things is told; ms. */
const TELL_EVERY_MS = 2_000;

/** Adds up what seeds did and tells how far it is. */
export class Progress {
  readonly #total: number;
  readonly #write: (text: string) => void;
  readonly #startedAt = performance.now();
  #toldAt = performance.now();
  #seeds = 0;
  #virtualMs = 0;
  #events = 0;
  #acknowledged = 0;
  #acknowledgedMin = Number.POSITIVE_INFINITY;
  #troubles = 0;
  #troublesMin = Number.POSITIVE_INFINITY;

  constructor(total: number, write: (text: string) => void) {
    this.#total = total;
    this.#write = write;
  }

  take(line: SeedLine): void {
    const { virtualMs, events, acknowledged, troubles } = line.figures;
    const troubled = Object.values(troubles).reduce((sum, count) => sum + count, 0);
    this.#seeds++;
    this.#virtualMs += virtualMs;
    this.#events += events;
    this.#acknowledged += acknowledged;
    this.#acknowledgedMin = Math.min(this.#acknowledgedMin, acknowledged);
    this.#troubles += troubled;
    this.#troublesMin = Math.min(this.#troublesMin, troubled);
    if (performance.now() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = performance.now();
    this.#write(`${this.#line()}\n`);
  }

  end(first: number, scenarios: readonly string[]): void {
    const least = `least in one: ${this.#acknowledgedMin} acknowledged, ${this.#troublesMin} troubles`;
    this.#write(`${this.#line()}\nseeds from ${first} of ${scenarios.join(', ')}; ${least}\n`);
  }

  #line(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const perSecond = (count: number) => Math.round(count / seconds).toLocaleString('en');
    return [
      `${this.#seeds}/${this.#total} runs`,
      `${(this.#seeds / seconds).toFixed(1)} runs/s`,
      `${perSecond(this.#virtualMs / 1000)} virtual s/s`,
      `${perSecond(this.#events)} events/s`,
      `${this.#acknowledged} batches acknowledged`,
      `${this.#troubles} troubles`,
      `${seconds.toFixed(0)} s`,
    ].join(', ');
  }
}
