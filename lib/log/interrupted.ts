import type { Clock } from '../core/clock.ts';
import { boundedMap } from '../kit/bounded-map.ts';

/** Longer than clients retry a batch (delivery.timeout.ms is two minutes by default); ms. */
const REMEMBERED_MS = 10 * 60 * 1000;

/** Producers remembered, about 100 bytes each, with LRU eviction. */
const PRODUCERS_MAX = 10_000;

interface Failed {
  readonly sequence: number;
  readonly at: number;
}

/**
 * The first sequence per producer and partition that failed in this process and has not been
 * appended since. As in Kafka, a partition without state of a producer accepts any first sequence.
 * But batches that the producer sent after the failed one must not be appended before it. Kafka's
 * leader cannot fail one batch and accept the next. This process can, if it loses its store and
 * regains it between two batches.
 */
export class Interrupted {
  readonly #clock: Clock;
  readonly #failed = boundedMap<string, Failed>(PRODUCERS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Records the failure of a batch that its producer will send again. `stream` identifies producer
   * and partition.
   */
  failed(stream: string, sequence: number): void {
    const known = this.#find(stream);
    if (known !== undefined && known.sequence <= sequence) return;
    this.#failed.set(stream, { sequence, at: this.#clock.monotonic() });
  }

  /** Records that a batch was appended. */
  appended(stream: string, sequence: number): void {
    const known = this.#failed.get(stream);
    if (known !== undefined && sequence <= known.sequence) this.#failed.delete(stream);
  }

  /** Whether an earlier batch of the stream failed and has not been appended since. */
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
