import type { Clock } from '../core/clock.ts';
import { boundedMap } from '../kit/bounded-map.ts';

/** Longer than clients go on with one batch (delivery.timeout.ms is two minutes by default); ms. */
const REMEMBERED_MS = 10 * 60 * 1000;

/** Producers that are remembered, the latest ones; each takes about 100 bytes. */
const PRODUCERS_MAX = 10_000;

interface Failed {
  readonly sequence: number;
  readonly at: number;
}

/**
 * The first sequence that failed here of each producer in each partition, until it came again. A partition that knows nothing of a
 * producer takes any sequence as its first, as Kafka does; but those that the producer had sent behind the one that failed
 * must not get in before it. Kafka's leader cannot fail the one and take the other; a process that is only just finding
 * its way to the store can.
 */
export class Interrupted {
  readonly #clock: Clock;
  readonly #failed = boundedMap<string, Failed>(PRODUCERS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called when a batch was not appended for no fault of its own. `stream` names producer and partition. */
  failed(stream: string, sequence: number): void {
    const known = this.#find(stream);
    if (known !== undefined && known.sequence <= sequence) return;
    this.#failed.set(stream, { sequence, at: this.#clock.monotonic() });
  }

  /** To be called when a batch was appended. */
  appended(stream: string, sequence: number): void {
    const known = this.#failed.get(stream);
    if (known !== undefined && sequence <= known.sequence) this.#failed.delete(stream);
  }

  /** Whether an earlier batch failed and has not come again. */
  isBehind(stream: string, sequence: number): boolean {
    const known = this.#find(stream);
    return known !== undefined && known.sequence < sequence;
  }

  #find(stream: string): Failed | undefined {
    const known = this.#failed.get(stream);
    if (known === undefined || this.#clock.monotonic() - known.at < REMEMBERED_MS) return known;
    this.#failed.delete(stream);
    return undefined;
  }
}
