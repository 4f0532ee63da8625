import { Ledger } from '../crash/ledger.ts';
import { valueFor } from '../crash/producer.ts';
import { between } from '../crash/seeded.ts';
import type { Witness } from './witness.ts';

/** A batch that a producer has made and that is not acknowledged. */
export interface Pending {
  readonly firstCount: number;
  readonly values: readonly Buffer[];
}

export interface SentOptions {
  readonly producer: string;
  readonly partition: number;
  readonly idempotent: boolean;
  readonly witness: Witness;
  /** Of the few batches that are too large for an entry. */
  readonly largeBytes: readonly [number, number];
}

/** What one producer sent and was told: the ledger of the crash tests, and how often each batch can have got to a gateway. */
export class Sent extends Ledger {
  /** By the count of the batch's first record. */
  readonly attempts = new Map<number, number>();
  readonly #options: SentOptions;

  constructor(options: SentOptions) {
    super(options.producer, options.partition, options.idempotent);
    this.#options = options;
  }

  /** Makes the next batch. */
  next(random: () => number): Pending {
    const firstCount = this.sent;
    const records = between(random, 1, 4);
    const size = Math.floor(batchBytes(random, this.#options.largeBytes) / records);
    const values = Array.from({ length: records }, (_, index) => valueFor(this.producer, firstCount + index, size));
    this.sent += records;
    return { firstCount, values };
  }

  attempted({ firstCount }: Pending, times = 1): void {
    this.attempts.set(firstCount, (this.attempts.get(firstCount) ?? 0) + times);
  }

  took({ firstCount, values }: Pending, baseOffset: number): void {
    for (let index = 0; index < values.length; index++) this.acknowledged.set(firstCount + index, baseOffset + index);
    this.#options.witness.acknowledged(this.partition, baseOffset + values.length - 1);
  }

  /** The batch goes to another producer id, without knowing whether it has landed under this one. */
  givenUp({ firstCount, values }: Pending): void {
    for (let index = 0; index < values.length; index++) this.mayRepeat.add(firstCount + index);
  }
}

/** Mostly small, a few large. */
function batchBytes(random: () => number, largeBytes: readonly [number, number]): number {
  const kind = random();
  if (kind < 0.85) return between(random, 60, 600);
  return kind < 0.985 ? between(random, 600, 6_000) : between(random, ...largeBytes);
}
