import type { Clock } from '../../core/clock.ts';
import { answerWithin } from '../../kit/deadline.ts';
import { SharedReads } from '../../kit/shared-reads.ts';
import { CLUSTER_PK, CLUSTER_SK } from '../../storage/items/cluster.ts';
import type { ItemStore } from '../../storage/ports.ts';

export type HealthState =
  | { readonly status: 'ok'; readonly listeners: Readonly<Record<string, string>> }
  | { readonly status: 'starting' | 'draining' | 'unavailable'; readonly reason: string };

/** How long an answer of the store is reused, ms: frequent checks cost one item read per second. */
const ANSWER_HOLDS_MS = 1_000;

/**
 * How long the store may take, ms. Below the usual time-outs of health checks; clients would wait
 * too.
 */
const ANSWER_MAX_MS = 2_000;

/**
 * Whether this process can do its work: its listeners are open, and the store answers and takes
 * writes.
 */
export class Health {
  readonly #state: ItemStore;
  readonly #clock: Clock;
  readonly #writeProblem: () => string | undefined;
  #listeners: Readonly<Record<string, string>> | undefined;
  #isDraining = false;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;
  readonly #checks = new SharedReads<'store', void>();

  /** `writeProblem`: why the store takes no writes; undefined while it takes them. */
  constructor(state: ItemStore, clock: Clock, writeProblem: () => string | undefined = () => undefined) {
    this.#state = state;
    this.#clock = clock;
    this.#writeProblem = writeProblem;
  }

  /** `listeners`: what is open, address by name. */
  opened(listeners: Readonly<Record<string, string>>): void {
    this.#listeners = listeners;
  }

  draining(): void {
    this.#isDraining = true;
  }

  /** Reads from the store unless a recent answer can be reused. Never rejects. */
  async check(): Promise<HealthState> {
    const early = this.#early();
    if (early !== undefined) return early;
    if (this.#clock.monotonic() - this.#checkedAt >= ANSWER_HOLDS_MS) {
      await this.#checks.join('store', () => this.#ask());
    }
    // The state may have changed during the read.
    const late = this.#early();
    if (late !== undefined) return late;
    const problem = this.#problem ?? this.#writeProblem();
    if (problem !== undefined) return { status: 'unavailable', reason: problem };
    return { status: 'ok', listeners: this.#listeners! };
  }

  #early(): HealthState | undefined {
    if (this.#isDraining) return { status: 'draining', reason: 'the process is being stopped' };
    if (this.#listeners === undefined) return { status: 'starting', reason: 'the listeners are not open yet' };
    return undefined;
  }

  async #ask(): Promise<void> {
    const asked = this.#state.get(CLUSTER_PK, CLUSTER_SK, true).then(
      () => undefined,
      (error: unknown) => `the store does not answer: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.#problem = await answerWithin<string | undefined>(
      this.#clock,
      ANSWER_MAX_MS,
      asked,
      () => `the store did not answer within ${ANSWER_MAX_MS} ms`,
    );
    this.#checkedAt = this.#clock.monotonic();
  }
}
