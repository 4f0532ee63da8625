import type { Clock } from '../core/clock.ts';
import { boundedMap } from '../kit/bounded-map.ts';

/** Longer than clients retry one batch (delivery.timeout.ms is two minutes by default); ms. */
const REMEMBERED_MS = 10 * 60 * 1000;

/** Producers that are remembered, the latest ones; each takes about 100 bytes. */
const PRODUCERS_MAX = 10_000;

interface Failed {
  readonly sequence: number;
  readonly at: number;
}

/**
 * The first sequence of each producer and partition that failed in this process and has not been appended since. A partition
 * that has no state of a producer accepts any sequence as its first, as in Kafka. But batches that the producer sent after
 * the failed one must not get in before it. Kafka's leader cannot fail one and accept the next; a process that loses and
 * regains its store between two batches can.
 */
export class Interrupted {
  readonly #clock: Clock;
  readonly #failed = boundedMap<string, Failed>(PRODUCERS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes note that a batch failed that its producer will send again. `stream` names producer and partition. */
  failed(stream: string, sequence: number): void {
    const known = this.#find(stream);
    if (known !== undefined && known.sequence <= sequence) return;
    this.#failed.set(stream, { sequence, at: this.#clock.monotonic() });
  }

  /** Takes note that a batch was appended. */
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
