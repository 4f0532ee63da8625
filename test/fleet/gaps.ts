import { Witness } from '../chaos/witness.ts';

/** Notes for how long a partition went without an acknowledgement. */
export class Gaps extends Witness {
  readonly #at = new Map<number, number>();
  longestGapMs = 0;

  override acknowledged(partition: number, lastOffset: number): void {
    super.acknowledged(partition, lastOffset);
    const now = performance.now();
    const before = this.#at.get(partition);
    if (before !== undefined) this.longestGapMs = Math.max(this.longestGapMs, now - before);
    this.#at.set(partition, now);
  }
}
