/** A position of a reader: the offset behind what was taken of a partition. */
export interface TakenOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

interface Checkpoint {
  /** Bytes of output up to here. */
  readonly bytes: number;
  readonly offsets: ReadonlyMap<string, TakenOffset>;
}

/**
 * The capacity of a pipe (Linux's default, see pipe(7)): this much of the output may be unread when
 * the reader goes away.
 */
export const PIPE_BYTES = 64 * 1024;

/** Tracks which offsets have certainly reached the reader of the output. */
export class PassedOn {
  /** Handed out, and not all written yet. */
  readonly #taken = new Map<string, TakenOffset>();
  /** Written and not committed, oldest first; each has all that came up to it. */
  #checkpoints: Checkpoint[] = [];
  #bytes = 0;

  /** All below `offset` was handed out. */
  take(topic: string, partition: number, offset: number): void {
    this.#taken.set(`${topic}/${partition}`, { topic, partition, offset });
  }

  /**
   * Call before writing; then call what it returns when the output with all that was taken so far
   * has been accepted.
   */
  beforeWriting(bytes: number): () => void {
    const offsets = new Map(this.#taken);
    return () => {
      this.#bytes += bytes;
      this.#checkpoints.push({ bytes: this.#bytes, offsets });
      // Only the newest checkpoint that is certainly read counts.
      const sure = this.#checkpoints.findLastIndex((one) => this.#isRead(one));
      if (sure > 0) this.#checkpoints.splice(0, sure);
    };
  }

  /**
   * What may be committed: all that was accepted, or, when the reader is gone, what cannot have
   * been left in the pipe. Gives each offset once.
   */
  settle(readerIsGone: boolean): TakenOffset[] {
    const last = this.#checkpoints.findLast((one) => !readerIsGone || this.#isRead(one));
    if (last === undefined) return [];
    this.#checkpoints = this.#checkpoints.filter((one) => one.bytes > last.bytes);
    for (const [name, { offset }] of last.offsets) {
      if (this.#taken.get(name)?.offset === offset) this.#taken.delete(name);
    }
    return [...last.offsets.values()];
  }

  #isRead({ bytes }: Checkpoint): boolean {
    return bytes <= this.#bytes - PIPE_BYTES;
  }
}
